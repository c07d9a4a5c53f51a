"""One stream of a connection: bytes in and out under flow control, headers before and after."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from pogu.dialects.buildkit.grpc.framing import Bytes
from pogu.errors import Cancelled, PoguError, Unavailable

if TYPE_CHECKING:
    from pogu.dialects.buildkit.grpc.connection import Connection

Headers = list[tuple[str, str]]

WINDOW = 8 << 20  # bytes that a peer may send on a stream before somebody has read them
_CREDIT_STEP = WINDOW // 8  # bytes read before the peer is told


class PeerEnded(Exception):
    """The other side has ended the stream: nothing more can be sent, and what it said can still be received."""


class Stream:
    """See the module. One task receives and one task sends at a time; they may be two."""

    def __init__(self, connection: Connection, identifier: int, headers: Headers) -> None:
        self._connection = connection
        self.id = identifier
        self.headers = headers
        """What opened the stream."""
        self.answer: dict[str, str] | None = None
        """The first headers of the other side, where that answers."""
        self.trailers: dict[str, str] | None = None
        """The last headers of the other side."""
        self.ended = False
        """Whether the other side has said its last."""
        self.on_reset: Callable[[], object] | None = None
        """Called once when the stream fails."""
        self.sent_end = False
        self._pieces: deque[Bytes] = deque()
        self._allowed = WINDOW  # bytes that may come
        self._failure: PoguError | None = None
        self._owed = 0
        self._changed = asyncio.Event()
        self._window = asyncio.Event()

    @property
    def failed(self) -> bool:
        """Whether it ended before its time."""
        return self._failure is not None

    # --- what the connection calls ---

    def feed(self, data: Bytes) -> bool:
        """Data has come. Return False if it is more than was allowed."""
        self._pieces.append(data)
        self._allowed -= len(data)
        self._changed.set()
        return self._allowed >= 0

    def end(self) -> None:
        """The other side has ended its direction."""
        self.ended = True
        self.wake()

    def fail(self, error: PoguError) -> None:
        """Nothing will come or go any more; what has come is still read first."""
        if self._failure is None:
            self._failure = error
            self.wake()
            if self.on_reset is not None:
                self.on_reset()

    def wake(self) -> None:
        """Something has changed that either side of the stream may wait for."""
        self._changed.set()
        self._window.set()

    # --- what calls do ---

    async def receive(self) -> bytes:
        """Return all that has come, b"" at the end. Raises the error that ended the stream before its time."""
        while not self._pieces:
            if self._failure is not None:
                raise self._failure
            if self.ended:
                return b""
            self._changed.clear()
            await self._changed.wait()
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._owed += len(data)
        if self._owed >= _CREDIT_STEP and not self.ended:
            self._connection.give_credit(self.id, self._owed)
            self._allowed += self._owed
            self._owed = 0
        return data

    def send_headers(self, headers: Headers, end: bool = False) -> None:
        """Send headers: the answer's first, or with `end` its last."""
        self._check()
        self._connection.send_headers(self.id, headers, end)
        self._said(end)

    async def send(self, data: bytes, end: bool = False) -> None:
        """Send it all, as fast as the other side takes it.

        Raises PeerEnded when the other side wants no more, the stream's error when it has failed. A cancelled send has
        sent some part.
        """
        position, size = 0, len(data)
        while True:
            self._check()
            room = min(self._connection.room(self.id), size - position)
            if room <= 0 and position < size:
                self._window.clear()
                await self._window.wait()
                continue
            last = position + room >= size
            chunk = data if room == size else data[position : position + room]
            self._connection.send_data(self.id, chunk, end and last)
            position += room
            if last:
                self._said(end)
                await self._connection.drain()
                return

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self.sent_end:
            raise PeerEnded if self.ended else Unavailable("the stream was ended by this side already")
        if self.ended and self._connection.client_side:
            raise PeerEnded

    def _said(self, end: bool) -> None:
        if end:
            self.sent_end = True
            self._connection.forget(self)

    def give_up(self) -> None:
        """Tell the other side that nobody listens any more; nothing happens where the stream is over."""
        if self._failure is None and not (self.ended and self.sent_end):
            self._connection.reset(self.id)
            self.fail(Cancelled("the call was given up"))
        self._connection.forget(self)
