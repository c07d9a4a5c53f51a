"""What dockerd made of the cases, kept in `recordings/dockerd.json`, so that a run of the tests needs Pogu alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.clients.builds.case import WAYS, Case
from tests.clients.builds.side import Built

RECORDING = Path(__file__).parent / "recordings" / "dockerd.json"


@dataclass(frozen=True)
class Recording:
    version: str
    digests: dict[str, str]
    outcomes: dict[tuple[str, str], list[str]]
    """Lines by case and way; nothing for what a case says itself (`newer`)."""

    def stale(self, cases: Iterable[Case]) -> list[str]:
        """Return the names of the cases that are not recorded as they are written now."""
        return [c.name for c in cases if not c.newer and self.digests.get(c.name) != c.digest]


def read_recording(path: Path = RECORDING) -> Recording:
    document = json.loads(path.read_text())
    outcomes = {}
    for name, entry in document["cases"].items():
        for way in entry["ways"]:
            outcomes[name, way] = [*entry.get("both", []), *entry.get(way, [])]
    return Recording(document["dockerd"], {n: e["case"] for n, e in document["cases"].items()}, outcomes)


def write_recording(version: str, built: Iterable[Built], known: Iterable[Case], path: Path = RECORDING) -> None:
    """Write what was built, what both ways have in common once; of other cases that are `known` keep what is there."""
    names = {case.name for case in known}
    before = json.loads(path.read_text())["cases"] if path.exists() else {}
    cases: dict[str, dict[str, object]] = {name: entry for name, entry in before.items() if name in names}
    by_case: dict[Case, dict[str, list[str]]] = {}
    for one in built:
        by_case.setdefault(one.case, {})[one.way] = one.lines()
    for case, ways in sorted(by_case.items(), key=lambda item: item[0].name):
        both = [line for line in ways[WAYS[0]] if line in ways[WAYS[1]]] if len(ways) == 2 else []
        entry: dict[str, object] = {"case": case.digest, "ways": list(ways), "both": both}
        entry |= {way: [line for line in lines if line not in both] for way, lines in ways.items()}
        cases[case.name] = {key: value for key, value in entry.items() if value}
    path.parent.mkdir(exist_ok=True)
    cases = dict(sorted(cases.items()))
    path.write_text(json.dumps({"dockerd": version, "cases": cases}, indent=0, ensure_ascii=False) + "\n")
