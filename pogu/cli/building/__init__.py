"""`pogu build`: from the command line to a build of the daemon's, and what is shown of it.

`source` knows where the context and the Dockerfile come from, `query` says the flags in the API's words, `packing`
packs the context. `classic` is the way of the classic builder (`POST /build` with an archive). `sessions/` is
BuildKit's way: the daemon asks this side for files, secrets, keys and logins while it builds, and gives its output
here. `display/` shows a build's progress. `watching/` rebuilds when a git repository changes.
"""
