"""What the rules know of a container."""

from __future__ import annotations

from dataclasses import dataclass

from pogu.engine.model import Container
from pogu.engine.moments import recorded_ns
from pogu.engine.spans import human_duration


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of the container: `action` as in the events API, `signal` the number of a `kill`."""

    action: str
    time_ns: int
    signal: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """All that an explanation is made from. Times are Unix nanoseconds.

    `happenings` are the container's events that the daemon still remembers, oldest first; `lines` the last that it
    printed; `delay` the seconds that are waited before its next start; `internal` the networks without a way out.
    """

    container: Container
    now_ns: int
    happenings: tuple[Happening, ...] = ()
    lines: tuple[str, ...] = ()
    delay: float = 0.0
    internal: frozenset[str] = frozenset()

    @property
    def command(self) -> str:
        """The first process as a person would type it."""
        return " ".join([self.container.path, *self.container.args])

    def ago(self, moment: str) -> str:
        """Return how long ago a time of the record was."""
        then = recorded_ns(moment)
        return f"{human_duration((self.now_ns - then) / 1e9).lower()} ago" if then else "at an unknown time"

    def last_run(self) -> tuple[Happening, ...]:
        """Return what happened since the last start that is remembered."""
        for number in range(len(self.happenings) - 1, -1, -1):
            if self.happenings[number].action == "start":
                return self.happenings[number:]
        return self.happenings

    def count(self, action: str) -> int:
        """Return how often something happened, as far as it is remembered."""
        return sum(happening.action == action for happening in self.happenings)
