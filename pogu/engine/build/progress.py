"""What a build tells whoever asked for it, as it goes: the vertices of its graph, their output, their progress.

The words are BuildKit's (`moby.buildkit.v1.StatusResponse`), since they say more than Docker's classic stream: a
dialect that speaks the
classic one leaves out what it has no place for. Times are nanoseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Vertex(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the graph. It is told again each time that something of it changes; the last word counts."""

    digest: str
    """`sha256:` and 64 hexadecimal digits; the same for the same step of the same build."""
    name: str
    """What a person reads, such as `[build 2/4] RUN make`."""
    inputs: tuple[str, ...] = ()
    started: int | None = None
    completed: int | None = None
    cached: bool = False
    error: str = ""


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """Output of a step."""

    vertex: str
    stream: int
    """1: standard output, 2: standard error."""
    data: bytes
    at: int


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a part of a step has come: a download, a transfer. `total` is 0 where it is not known."""

    vertex: str
    name: str
    current: int = 0
    total: int = 0
    started: int | None = None
    completed: int | None = None
    at: int = 0


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the Dockerfile that is allowed and probably a mistake."""

    vertex: str
    rule: str
    """The name of the check, such as `JSONArgsRecommended`; empty where it is none of the named ones."""
    message: str
    detail: str = ""
    url: str = ""
    first_line: int = 0
    last_line: int = 0
    """Lines of the Dockerfile, counted from 1; both 0 where no line is meant."""


BuildEvent = Vertex | Log | Progress | Warned
Report = Callable[[BuildEvent], None]
"""Takes an event; never blocks, never raises."""
