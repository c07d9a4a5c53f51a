"""Telling of work that is no step of the graph: its beginning, its progress, its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec

from pogu.engine.build.progress import Log, Progress, Report, Vertex
from pogu.engine.images.digests import sha256
from pogu.engine.naming import new_id
from pogu.errors import PoguError


@dataclass(frozen=True, slots=True)
class Told:
    """A piece of work that is being told of."""

    report: Report
    vertex: str
    started: int

    def say(self, text: str) -> None:
        """Tell a line of output."""
        self.report(Log(vertex=self.vertex, stream=1, data=f"{text}\n".encode(), at=time.time_ns()))

    def progress(self, name: str, current: int, total: int = 0, *, done: bool = False) -> None:
        """Tell how far a part has come."""
        now = time.time_ns()
        self.report(
            Progress(
                vertex=self.vertex,
                name=name,
                current=current,
                total=total,
                started=self.started,
                completed=now if done else None,
                at=now,
            )
        )

    @contextmanager
    def counted(self, name: str) -> Iterator[Callable[[int], None]]:
        """Yield what to tell how many bytes of a transfer have come by now; it is told as done at the end."""
        come = 0

        def count(size: int) -> None:
            nonlocal come
            come = size
            self.progress(name, size)

        yield count
        self.progress(name, come, done=True)

    def pull(self, message: dict[str, Any]) -> None:
        """Tell what a pull says, in the form of the API's stream."""
        detail = message.get("progressDetail") or {}
        if message.get("id") and message.get("status"):
            done = message["status"] in ("Pull complete", "Already exists")
            name = f"{message['status'].lower()} {message['id']}"
            self.progress(name, detail.get("current", 0), detail.get("total", 0), done=done)


@asynccontextmanager
async def tell(report: Report, name: str) -> AsyncIterator[Told]:
    """Report work from its beginning to its end, and why it failed if it does."""
    vertex = Vertex(digest=sha256(f"{new_id()}{name}".encode()), name=name, started=time.time_ns())
    report(vertex)
    error = ""
    try:
        yield Told(report, vertex.digest, vertex.started or 0)
    except asyncio.CancelledError:
        error = "context canceled"
        raise
    except PoguError as e:
        error = e.message
        raise
    finally:
        report(msgspec.structs.replace(vertex, completed=time.time_ns(), error=error))
