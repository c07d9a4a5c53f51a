"""Pogu beside its peers: the same work on both in turn, in one run; ratios, not single times.

`make bench` runs all cases and writes `docs/performance.md`, `docs/performance.json` and plots. `python -m bench NAME…`
runs those of these names, or whose names begin so, and prints them; `--list` names them.
"""
