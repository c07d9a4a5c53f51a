"""Whether what Pogu built is what dockerd built, less the differences that are accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tests.clients.builds.case import Case
from tests.clients.builds.recording import Recording, read_recording
from tests.clients.builds.side import Built
from tests.clients.differential.compare import Accepted, Comparison, accepted_differences, unexplained
from tests.conftest import REPOSITORY

_TIME = re.compile(r" now| @\d+")
DIFFERENCES = REPOSITORY / "docs" / "differences-builds.md"


class Judge:
    """Judges builds by the recording, and counts which accepted differences there were."""

    def __init__(self, recording: Recording | None = None) -> None:
        self.recording = recording or read_recording()
        self.accepted: list[Accepted] = accepted_differences(DIFFERENCES)

    def differences(self, built: Built) -> list[str]:
        """Return what is not as it should be: `-` before dockerd's lines (or the case's own), `+` before Pogu's."""
        case, lines = built.case, built.lines()
        if case.newer:
            wanted, lines = list(case.newer), of_the_same_kind(lines, case.newer)
            lines = [_of_any_time(line, wanted) for line in lines]
        else:
            wanted = self.recording.outcomes[case.name, built.way]
        found = differing(wanted, lines)
        complaints = missing_complaints(case, "pogu", built.way, built.error) if built.code else []
        return [*unexplained(Comparison(f"{built.way} {case.name}", len(lines), found), self.accepted), *complaints]

    def unseen(self) -> list[str]:
        """Return the accepted differences that no build had."""
        return [f"{rule.commands}: {rule.sign} {rule.pattern.pattern}" for rule in self.accepted if not rule.used]


def differing(wanted: Sequence[str], lines: Sequence[str]) -> list[str]:
    """Return what only one has, errors left out: their words are compared by what a case says of them."""
    left = [line for line in wanted if line not in lines and not line.startswith("error ")]
    right = [line for line in lines if line not in wanted and not line.startswith("error ")]
    return [*(f"- {line}" for line in left), *(f"+ {line}" for line in right)]


def _of_any_time(line: str, wanted: Sequence[str]) -> str:
    """Return a line with `any` in place of its time if that is what is wanted: for times that no rule gives."""
    for time in _TIME.findall(line):
        if (other := line.replace(time, " any", 1)) in wanted:
            return other
    return line


def of_the_same_kind(lines: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the lines that an outcome written by hand speaks of: all paths or none, keys of the configuration."""
    kinds = {_kind(line) for line in wanted}
    return [line for line in lines if _kind(line) in kinds]


def _kind(line: str) -> str:
    if line.startswith("/"):
        return "/"
    return " ".join(line.split()[:2]) if line.startswith(("config ", "history ", "layer ")) else line.partition(" ")[0]


def missing_complaints(case: Case, who: str, way: str, error: str) -> list[str]:
    """Return what a case's `fails` wants of an error and it has not; `who` is pogu or the way when dockerd built."""
    expressions = [*case.complaints(way), *(case.complaints("pogu") if who == "pogu" else [])]
    return [f"- error /{expression}/" for expression in dict.fromkeys(expressions) if not re.search(expression, error)]
