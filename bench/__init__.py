"""Pogu beside its peers: the same command against both daemons in turn, in one run; ratios, not single times.

`make bench` prints a table and writes `docs/performance.md` and `docs/performance.json`.
"""
