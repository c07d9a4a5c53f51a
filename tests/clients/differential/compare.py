"""What differs between two runs of a script, less what is accepted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from tests.clients.differential.normalise import Normaliser
from tests.clients.differential.script import Shown

DIFFERENCES = Path(__file__).parents[3] / "docs" / "differences.md"


# The command's own log, when the daemon answers before it has sent all: whether there is time for that is chance.
_RACE = re.compile(r"level=error msg=\"Can't (add file|close tar writer)")


@dataclass
class Accepted:
    """One accepted difference: lines that only Docker (`-`) or only Pogu (`+`) shows, for some command lines."""

    reason: str
    commands: str
    sign: str
    pattern: re.Pattern[str]
    used: int = 0


@dataclass
class Comparison:
    """One command line's differences: each is a sign and a line."""

    line: str
    compared: int
    differences: list[str] = field(default_factory=list)


def compare(docker: Shown, pogu: Shown, of_docker: Normaliser, of_pogu: Normaliser) -> Comparison:
    """Compare exit code, standard output and standard error."""
    left, right = _lines(docker, of_docker), _lines(pogu, of_pogu)
    found = Comparison(docker.line, len(left))
    for line in difflib.ndiff(left, right) if len(left) + len(right) < 60 else difflib.unified_diff(left, right, n=0):
        if line.startswith(("- ", "+ ")):
            found.differences.append(line)
        elif line.startswith(("-", "+")) and not line.startswith(("---", "+++")):
            found.differences.append(f"{line[0]} {line[1:]}")
    return found


def _lines(shown: Shown, normaliser: Normaliser) -> list[str]:
    out = normaliser.lines(shown.out)
    err = [f"stderr: {line}" for line in normaliser.lines(shown.err) if not _RACE.search(line)]
    return [*out, *err, f"exit code {shown.code}"]


def unexplained(comparison: Comparison, accepted: Iterable[Accepted]) -> list[str]:
    """Return the differences that no accepted one covers, and count the use of those that do."""
    rules = [rule for rule in accepted if fnmatchcase(comparison.line, rule.commands)]
    left = []
    for difference in comparison.differences:
        covering = [r for r in rules if r.sign == difference[0] and r.pattern.fullmatch(difference[2:])]
        for rule in covering:
            rule.used += 1
        if not covering:
            left.append(difference)
    return left


def shown_unexplained(comparisons: Iterable[Comparison], accepted: Iterable[Accepted]) -> str:
    """Return, for a failing test to show, the lines with differences that no accepted one covers; "" without any."""
    rules = list(accepted)
    found = {c.line: left for c in comparisons if (left := unexplained(c, rules))}
    return "\n".join(f"$ {line}\n    " + "\n    ".join(left) for line, left in found.items())


def shown_unseen(comparisons: Iterable[Comparison], rules: Sequence[Accepted]) -> str:
    """Return, for a failing test to show, the accepted differences that these comparisons have not; "" without any."""
    for comparison in comparisons:
        unexplained(comparison, rules)
    return "\n".join(f"{r.commands}: {r.sign} {r.pattern.pattern}" for r in rules if not r.used)


def accepted_differences(path: Path = DIFFERENCES) -> list[Accepted]:
    """Read the accepted differences: blocks fenced as `differences` below a heading and its reason.

    In a block `for PATTERN` names command lines (with `*` as in a shell), and each `- REGEX` or `+ REGEX` a whole line.
    """
    return list(_parse(path.read_text().splitlines()))


def _parse(lines: Iterable[str]) -> Iterator[Accepted]:
    heading, inside, commands = "", False, "*"
    for line in lines:
        if line.startswith("#") and not inside:
            heading = line.lstrip("# ")
        elif line.startswith("```"):
            inside, commands = line == "```differences", "*"
        elif inside and line.startswith("for "):
            commands = line[4:]
        elif inside and line[:2] in ("- ", "+ "):
            yield Accepted(heading, commands, line[0], re.compile(line[2:]))
        elif inside and line.strip():
            raise ValueError(f"neither a command nor a difference: {line}")
