"""Run scripts against two daemons that are there and print what differs.

usage: python -m tests.clients.differential [--all] URL=FOLDER[,FOLDER…] URL=FOLDER[,FOLDER…] SCRIPT.txt…
The first daemon is Docker's, the second Pogu; the folders are its root and run directory and its bridge.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.clients.differential.compare import accepted_differences, compare, unexplained
from tests.clients.differential.normalise import Normaliser
from tests.clients.differential.script import read_script, run


def main(args: list[str]) -> None:
    everything = "--all" in args
    docker, pogu, *paths = [a for a in args if a != "--all"]
    normalisers = [Normaliser(_folders(side)) for side in (docker, pogu)]
    accepted = [] if everything else accepted_differences()
    compared = 0
    for path in paths:
        script = read_script(Path(path)).whole()
        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(lambda side, s=script: list(run(s, side.partition("=")[0])), (docker, pogu)))
        for left, right in zip(*both, strict=True):
            comparison = compare(left, right, *normalisers)
            compared += comparison.compared
            if differences := unexplained(comparison, accepted):
                print(f"$ {left.line}", *differences, sep="\n    ")
    print(f"{compared} lines compared")


def _folders(side: str) -> dict[str, str]:
    return dict(zip(side.partition("=")[2].split(","), ("<root>", "<run>", "docker0"), strict=False))


if __name__ == "__main__":
    main(sys.argv[1:])
