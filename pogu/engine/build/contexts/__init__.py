"""Where a build's files come from: an archive of the request, a URL, a git repository, the client's directories."""
