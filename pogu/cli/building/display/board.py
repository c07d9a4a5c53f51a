"""What is known of a build's steps, from what the daemon tells (`moby.buildkit.v1.StatusResponse`)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from pogu.dialects.buildkit.messages.control import NS, StatusResponse, Timestamp, Vertex, VertexStatus, VertexWarning

_KEPT = 2000  # lines of a step's output


@dataclass(slots=True)
class Part:
    """A part of a step: a download, a transfer. Times are seconds since 1970, of the daemon's clock."""

    name: str
    current: int = 0
    total: int = 0
    started: float | None = None
    completed: float | None = None
    at: float = 0

    @property
    def seconds(self) -> float:
        """How long it has taken, or has lasted until the last word about it."""
        return max(0.0, (self.completed or self.at) - self.started) if self.started else 0.0


@dataclass(slots=True)
class Line:
    """A line of output. `offset` is seconds since the step began."""

    offset: float
    text: str


@dataclass(slots=True)
class Step:
    """One step. `number` is its place in the order in which steps began, from 1."""

    digest: str
    name: str
    number: int = 0
    started: float | None = None
    completed: float | None = None
    cached: bool = False
    error: str = ""
    seen: float = 0
    """When this side heard of its beginning, by `time.monotonic`."""
    parts: dict[str, Part] = field(default_factory=dict)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=_KEPT))
    rest: str = ""
    """Output after the last end of line."""
    dropped: int = 0
    """Lines that were not kept."""

    @property
    def internal(self) -> bool:
        return self.name.startswith("[internal]")

    @property
    def cancelled(self) -> bool:
        return self.error.endswith("context canceled")

    def elapsed(self) -> float:
        """Seconds that it has taken so far, or took."""
        if self.started is None:
            return 0.0
        if self.completed is None:
            return max(0.0, time.monotonic() - self.seen)
        return max(0.0, self.completed - self.started)


class Board:
    """All steps of a build."""

    def __init__(self) -> None:
        self._steps: dict[str, Step] = {}
        self._count = 0
        self.warnings: list[VertexWarning] = []

    def steps(self) -> list[Step]:
        """Return those that have begun, in the order in which they did."""
        return sorted((step for step in self._steps.values() if step.number), key=lambda step: step.number)

    def counts(self) -> tuple[int, int]:
        """Return how many steps are done, of how many."""
        return sum(step.completed is not None for step in self._steps.values()), len(self._steps)

    def failed(self) -> Step | None:
        """Return the step that failed first, not because another one had."""
        wrong = [step for step in self._steps.values() if step.error and not step.cancelled]
        return min(wrong, key=lambda step: step.completed or 0, default=None)

    def take(self, parcel: StatusResponse) -> Iterator[tuple[Step, list[Line], list[Part]]]:
        """Take what was told, and yield each step of which something changed: with its new lines, its changed parts."""
        touched: dict[str, tuple[Step, list[Line], list[Part]]] = {}

        def touch(digest: str) -> tuple[Step, list[Line], list[Part]]:
            step = self._steps.setdefault(digest, Step(digest, ""))
            return touched.setdefault(digest, (step, [], []))

        for vertex in parcel.vertexes:
            self._told(touch(vertex.digest)[0], vertex)
        for status in parcel.statuses:
            step, _, parts = touch(status.vertex)
            parts.append(_part(step, status))
        for log in parcel.logs:
            step, lines, _ = touch(log.vertex)
            lines += _output(step, log.msg.decode(errors="replace"), seconds(log.timestamp) or 0)
        self.warnings += parcel.warnings
        for step, lines, _ in touched.values():
            if step.completed is not None and step.rest:
                lines.extend(_output(step, "\n", step.completed))
        yield from touched.values()

    def _told(self, step: Step, vertex: Vertex) -> None:
        step.name = vertex.name
        step.started, step.completed = seconds(vertex.started), seconds(vertex.completed)
        step.cached, step.error = vertex.cached, vertex.error
        if not step.number and (step.started is not None or step.cached):
            self._count += 1
            step.number, step.seen = self._count, time.monotonic()


def seconds(moment: Timestamp | None) -> float | None:
    """Return a moment as seconds since 1970."""
    return None if moment is None else moment.seconds + moment.nanos / NS


def _part(step: Step, status: VertexStatus) -> Part:
    part = step.parts.setdefault(status.id, Part(status.id))
    part.current, part.total = status.current, status.total
    part.started, part.completed = seconds(status.started), seconds(status.completed)
    part.at = seconds(status.timestamp) or part.at
    return part


def _output(step: Step, text: str, at: float) -> list[Line]:
    *whole, step.rest = (step.rest + text).split("\n")
    offset = max(0.0, at - step.started) if step.started else 0.0
    found = [Line(offset, line.rstrip("\r")) for line in whole]
    step.dropped += max(0, len(step.lines) + len(found) - _KEPT)
    step.lines.extend(found)
    return found
