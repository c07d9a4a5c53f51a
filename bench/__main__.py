"""`python -m bench [--list] [--write] [NAME…]`: run the cases and print the table; all of them write page and plot.

`--write` writes them for the chosen cases alone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Sequence

from bench import builds, data, growth, many, memory, pulls, registry, starting
from bench.case import Case, Row
from bench.peers import REPOSITORY, Scene, scene
from bench.plots import bars
from bench.report import line, page

DOCS = REPOSITORY / "docs"
ALL: list[Case] = [
    *starting.CASES,
    *many.CASES,
    *data.CASES,
    *memory.CASES,
    *growth.CASES,
    *pulls.CASES,
    *registry.CASES,
    *builds.CASES,
]


def main(arguments: Sequence[str]) -> int:
    if "--list" in arguments:
        print("\n".join(case.name for case in ALL))
        return 0
    names = [a for a in arguments if a != "--write"]
    wanted = {name: choose(name) for name in names}
    if unknown := [name for name, cases in wanted.items() if not cases]:
        print(f"no such case: {', '.join(unknown)}", file=sys.stderr)
        return 2
    chosen = [case for case in ALL if not names or any(case in cases for cases in wanted.values())]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that everything is taken down
    began = time.monotonic()
    with scene() as found:
        rows, failures = measure(found, chosen)
        versions = describe(found)
    if not names or "--write" in arguments:
        (DOCS / "performance.json").write_text(
            json.dumps({**versions, "rows": [row.as_json() for row in rows]}, indent=1, ensure_ascii=False) + "\n"
        )
        (DOCS / "performance.md").write_text(page(DOCS / "performance.md", rows, versions))
        (DOCS / "performance.svg").write_text(bars(rows))
    print(f"{len(rows)} rows in {time.monotonic() - began:.0f} s", file=sys.stderr)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def choose(name: str) -> list[Case]:
    """Return the case with this name, else those whose names begin so."""
    return [c for c in ALL if c.name == name] or [c for c in ALL if c.name.startswith(name)]


def measure(found: Scene, chosen: Sequence[Case]) -> tuple[list[Row], list[str]]:
    """Run the cases; one that fails is told and keeps none of the others from being run."""
    rows: list[Row] = []
    failures = []
    for case in chosen:
        try:
            for row in case.measure(found):
                rows.append(row)
                print(line(row), flush=True)
        except Exception as e:
            output = getattr(e, "stderr", None) or b""
            failures.append(f"{case.name} failed: {e} {output.decode(errors='replace')[-500:]}")
    return rows, failures


def describe(found: Scene) -> dict[str, str]:
    """Return what was measured and where."""
    return {
        "docker": found.docker.docker("version", "-f", "{{.Server.Version}}"),
        "kernel": os.uname().release,
        "processors": str(os.cpu_count()),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
