"""The cases: what is built, from what, and how.

A file of `corpus/` holds many. Each begins with `== NAME: what it shows`; what follows is its Dockerfile, then sections
that begin with a line of their own:

    -- files    the context (see `tree.py`)
    -- served   files behind an address of HTTP that the daemon reaches
    -- run      shell lines, instead of `build .`; see `side.py` for what they find
    -- fails    it must, and a line of standard error must contain each of these lines (a regular expression); a line
                that begins with `classic:`, `buildkit:` or `pogu:` is for that one alone
    -- newer    dockerd 20.10 cannot do it: the outcome instead (see `outcome.py`), worked out by hand from the
                Dockerfile reference; only what it speaks of is compared, and `any` is any time

    -- only classic, -- only buildkit   the case is for that way of building alone

A Dockerfile of `none` is no
file at all.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
WAYS = ("classic", "buildkit")
_SECTION = re.compile(r"-- (files|served|run|fails|newer|only)(?: (\w+))?$")


@dataclass(frozen=True)
class Case:
    name: str
    subject: str
    """The file that it is in."""
    about: str
    dockerfile: str
    files: str
    served: str
    run: str
    fails: tuple[str, ...]
    newer: tuple[str, ...]
    """The lines of the outcome, for what dockerd 20.10 does not know; else empty."""
    ways: tuple[str, ...]

    @property
    def digest(self) -> str:
        """What is built, in short: a recording that has another one is of an older form of the case."""
        parts = (self.dockerfile, self.files, self.served, self.run, *self.ways)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]

    def complaints(self, who: str) -> Iterator[str]:
        """Yield the expressions that an error must contain when `who` (classic, buildkit or pogu) makes it."""
        for line in self.fails:
            whose, _, expression = line.partition(": ")
            if whose not in (*WAYS, "pogu"):
                yield line
            elif whose == who:
                yield expression


def cases(folder: Path = CORPUS) -> list[Case]:
    """Return all cases; ValueError if a name is there twice or something is not as it should be written."""
    found = [case for path in sorted(folder.glob("*.txt")) for case in read_cases(path.read_text(), path.stem)]
    names = [case.name for case in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"these names are there twice: {sorted(twice)}")
    return found


def read_cases(text: str, subject: str = "") -> Iterator[Case]:
    for block in re.split(r"^== ", text, flags=re.MULTILINE)[1:]:
        yield _case(block.rstrip("\n") + "\n", subject)


def _case(block: str, subject: str) -> Case:
    title, _, body = block.partition("\n")
    name, colon, about = title.partition(": ")
    if not colon or not re.fullmatch(r"[a-z0-9-]+", name):
        raise ValueError(f"not a name and what the case shows: {title}")
    sections: dict[str, list[str]] = {"dockerfile": []}
    ways, current = WAYS, "dockerfile"
    for line in body.splitlines():
        if match := _SECTION.match(line):
            current = match[1]
            sections[current] = []
            ways = (match[2],) if current == "only" else ways
        else:
            sections[current].append(line)
    parts = {key: "\n".join(lines) for key, lines in sections.items()}
    dockerfile = parts["dockerfile"].rstrip("\n")
    return Case(
        name, subject, about,
        dockerfile="" if dockerfile == "none" else dockerfile + "\n",
        files=parts.get("files", ""), served=parts.get("served", ""), run=parts.get("run", "build ."),
        fails=tuple(line for line in sections.get("fails", []) if line),
        newer=tuple(line for line in sections.get("newer", []) if line),
        ways=ways,
    )  # fmt: skip
