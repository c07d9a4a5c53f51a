"""Builds by Pogu beside builds by Debian's dockerd: the same Dockerfiles, the same contexts, the same images.

`corpus/` holds the cases (`case.py` says how they are written, `tree.py` how their files are), `side.py` builds them
with one daemon by one of the two ways of the docker command, `outcome.py` turns what came out into lines that can be
compared. What dockerd makes of them is kept in `recordings/`; `python -m tests.clients.builds` records it anew. The
differences that are accepted, with their reasons, are in `docs/differences-builds.md`.
"""
