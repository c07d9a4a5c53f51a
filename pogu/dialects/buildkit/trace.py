"""What a build tells, in BuildKit's words and in parcels: a client redraws its screen for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pogu.dialects.buildkit.messages import control
from pogu.dialects.buildkit.messages.control import StatusResponse, timestamp
from pogu.dialects.buildkit.messages.ops import Position, Range
from pogu.engine.build.progress import BuildEvent, Log, Progress, Vertex, Warned

EVERY = 0.1  # seconds
_LARGEST = 1 << 20  # bytes of output in one parcel; receivers have limits on a message


class Trace:
    """Takes events (`take` is a `Report`) and gives them on, put together, to `send`."""

    def __init__(self, send: Callable[[StatusResponse], None]) -> None:
        self._send = send
        self._vertices: dict[str, Vertex] = {}
        self._statuses: dict[tuple[str, str], Progress] = {}
        self._logs: list[Log] = []
        self._warnings: list[Warned] = []
        self._size = 0

    def take(self, event: BuildEvent) -> None:
        """Take an event."""
        if isinstance(event, Vertex):
            self._vertices[event.digest] = event
        elif isinstance(event, Progress):
            self._statuses[event.vertex, event.name] = event
        elif isinstance(event, Warned):
            self._warnings.append(event)
        else:
            self._logs.append(event)
            self._size += len(event.data)
            if self._size >= _LARGEST:
                self.flush()

    def flush(self) -> None:
        """Give on what has come since the last time, if anything has."""
        if not (self._vertices or self._statuses or self._logs or self._warnings):
            return
        parcel = StatusResponse(
            vertexes=[_vertex(event) for event in self._vertices.values()],
            statuses=[_status(event) for event in self._statuses.values()],
            logs=[_log(event) for event in self._logs],
            warnings=[_warning(event) for event in self._warnings],
        )
        self._vertices.clear()
        self._statuses.clear()
        self._logs.clear()
        self._warnings.clear()
        self._size = 0
        self._send(parcel)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Give on every tenth of a second inside the block, and what is left at its end, however it ends."""
        ticking = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            self.flush()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            self.flush()


def _vertex(event: Vertex) -> control.Vertex:
    return control.Vertex(
        digest=event.digest,
        inputs=list(event.inputs),
        name=event.name,
        cached=event.cached,
        started=timestamp(event.started),
        completed=timestamp(event.completed),
        error=event.error,
    )


def _status(event: Progress) -> control.VertexStatus:
    return control.VertexStatus(
        id=event.name,
        vertex=event.vertex,
        name=event.name,
        current=event.current,
        total=event.total,
        timestamp=timestamp(event.at),
        started=timestamp(event.started),
        completed=timestamp(event.completed),
    )


def _log(event: Log) -> control.VertexLog:
    return control.VertexLog(vertex=event.vertex, timestamp=timestamp(event.at), stream=event.stream, msg=event.data)


def _warning(event: Warned) -> control.VertexWarning:
    message = f"{event.rule}: {event.message}" if event.rule else event.message
    lines = Range(start=Position(line=event.first_line), end=Position(line=event.last_line))
    return control.VertexWarning(
        vertex=event.vertex,
        level=1,
        short=message.encode(),
        detail=[event.detail.encode()] if event.detail else [],
        url=event.url,
        ranges=[lines] if event.first_line else [],
    )
