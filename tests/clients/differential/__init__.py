"""The docker command against Pogu and against Debian's dockerd, line by line.

`scripts/*.txt` hold command lines, `docs/differences.md` the accepted differences with their reasons.
`python -m tests.clients.differential` runs scripts by hand.
"""
