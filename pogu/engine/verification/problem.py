"""What the checker finds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Problem:
    """One thing that is not as it should be.

    `kind` is the kind of thing (`mount`, `blob`…), `object` names the one, `text` says in a sentence what is wrong.
    `owner` is the ID of the container that it belongs to, if any: nothing is said of what somebody is working on.
    `repair` does what is safe; without one the text says what a person can do. `repaired` says what was done.
    """

    kind: str
    object: str
    text: str
    owner: str = ""
    repair: Callable[[], Awaitable[Any]] | None = None
    remedy: str = ""  # what `repair` does
    repaired: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What tells that it is the same problem as one found before."""
        return self.kind, self.object, self.text


@dataclass(slots=True)
class Report:
    """What was found, and how many things of each kind were looked at."""

    problems: list[Problem] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)

    @property
    def left(self) -> list[Problem]:
        """The problems that were not repaired."""
        return [p for p in self.problems if not p.repaired]
