"""What a daemon tells of steps, in few words."""

from __future__ import annotations

from pogu.dialects.buildkit.messages.control import (
    NS,
    StatusResponse,
    Timestamp,
    Vertex,
    VertexLog,
    VertexStatus,
    timestamp,
)


def at(seconds: float | None) -> Timestamp | None:
    """Return a moment."""
    return None if seconds is None else timestamp(round(seconds * NS))


def vertex(
    name: str, begun: float | None = 1, done: float | None = None, *, error: str = "", cached: bool = False
) -> Vertex:
    """Return what is told of the step called `name`."""
    return Vertex(digest=name, name=name, started=at(begun), completed=at(done), error=error, cached=cached)


def log(name: str, text: str, when: float) -> VertexLog:
    """Return output of a step."""
    return VertexLog(vertex=name, timestamp=at(when), stream=1, msg=text.encode())


def part(name: str, what: str, current: int, total: int = 0, done: float | None = None) -> VertexStatus:
    """Return how far a part of a step has come."""
    return VertexStatus(
        id=what, vertex=name, current=current, total=total, started=at(1), completed=at(done), timestamp=at(2)
    )


def parcel(*told: Vertex | VertexLog | VertexStatus) -> StatusResponse:
    """Return it all as one message."""
    return StatusResponse(
        vertexes=[each for each in told if isinstance(each, Vertex)],
        logs=[each for each in told if isinstance(each, VertexLog)],
        statuses=[each for each in told if isinstance(each, VertexStatus)],
    )
