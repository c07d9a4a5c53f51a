"""The docker command and `pogu`, line by line, against one Pogu daemon.

`scripts/*.txt` hold command lines written for `docker`; they clean up after themselves and name what is theirs `tw-…`.
`docs/command.md` lists the accepted differences with their reasons.
"""
