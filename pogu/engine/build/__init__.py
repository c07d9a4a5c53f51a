"""Images built from Dockerfiles.

`dockerfile/` reads the language, `plan/` turns a Dockerfile into a graph of steps, `solving/` runs the graph and
keeps what was done for
the next build. What the client of a build can still be asked for while it runs is in `client.py`; what it is told is
in `progress.py`.
"""
