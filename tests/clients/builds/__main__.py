"""Build cases and show or keep what comes out.

usage: python -m tests.clients.builds record [NAME…]      what dockerd makes of them is recorded anew
       python -m tests.clients.builds show [NAME…]        what dockerd makes of them
       python -m tests.clients.builds compare [NAME…]     what Pogu makes of them, beside the recording
Names may be patterns as in a shell.
"""

from __future__ import annotations

import subprocess
import sys
import time
from fnmatch import fnmatchcase

from tests.clients.builds.case import Case, cases
from tests.clients.builds.daemons import build_with_pogu, dockerd
from tests.clients.builds.judging import Judge
from tests.clients.builds.recording import write_recording
from tests.clients.builds.side import DOCKER, build_all, every_way


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in ("record", "show", "compare"):
        print(__doc__, file=sys.stderr)
        return 2
    chosen = [c for c in cases() if len(arguments) == 1 or any(fnmatchcase(c.name, a) for a in arguments[1:])]
    return {"record": record, "show": show, "compare": compare}[arguments[0]](chosen)


def record(chosen: list[Case]) -> int:
    with dockerd() as (url, namespace):
        built = build_all(url, namespace, every_way(c for c in chosen if not c.newer))
        argv = [DOCKER / "docker", "-H", url, "version", "-f", "{{.Server.Version}}"]
        version = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
    write_recording(version, built, (c for c in cases() if not c.newer))
    return 0


def show(chosen: list[Case]) -> int:
    with dockerd() as (url, namespace):
        for one in build_all(url, namespace, every_way(chosen)):
            print(f"== {one.case.name}, {one.way}: {one.case.about}", *one.lines(), sep="\n    ")
    return 0


def compare(chosen: list[Case]) -> int:
    judge, began = Judge(), time.monotonic()
    built = build_with_pogu(every_way(chosen))
    wrong = {f"{one.way} {one.case.name}": found for one in built if (found := judge.differences(one))}
    if len(chosen) == len(cases()):
        print(*judge.unseen(), sep="\n")
    for name, differences in wrong.items():
        print(f"== {name}", *differences, sep="\n    ")
    print(f"{len(built)} builds in {time.monotonic() - began:.0f} s, {len(wrong)} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
