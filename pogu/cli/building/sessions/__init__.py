"""This side of a session: the daemon opens calls on a connection that we have opened, and these answer them.

`hosting` opens the session and carries it in a thread, `wire` is the connection under it. A module answers for each
service: `directories` (`moby.filesync.v1.FileSync`), `secrets`, `logins`, `agents` (SSH), `results`
(`moby.filesync.v1.FileSend`); `links` finds what links lead to. `build` asks for a build that uses all of this.
"""
