"""What a client has sent and nobody has consumed yet: the receiving half of back-pressure."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from pogu.errors import PoguError


class Inbound:
    """A byte queue between the event loop's callbacks and one reading task.

    Above `high_water` bytes `pause` is called, and `resume` once a quarter of that is left. Data always comes out
    before the end or failure that followed it. A cancelled `get` leaves every byte in place.
    """

    __slots__ = (
        "_ended",
        "_failure",
        "_high",
        "_offset",
        "_pause",
        "_paused",
        "_pieces",
        "_resume",
        "_size",
        "_waiter",
    )

    def __init__(self, high_water: int, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._high = high_water
        self._pause = pause
        self._resume = resume
        self._pieces: deque[bytes] = deque()
        self._offset = 0  # of the first piece, how much has been consumed
        self._size = 0
        self._paused = False
        self._ended = False
        self._failure: PoguError | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come, though something may still be queued."""
        return self._ended

    def feed(self, data: bytes) -> None:
        """Add data; ignored after the end."""
        if self._ended or not data:
            return
        self._pieces.append(data)
        self._size += len(data)
        self._wake()
        if self._size >= self._high and not self._paused:
            self._paused = True
            self._pause()

    def end(self, failure: PoguError | None = None) -> None:
        """Nothing more will come: readers see the end, or the failure, after the data. Only the first call counts."""
        if not self._ended:
            self._ended = True
            self._failure = failure
            self._wake()

    def drop(self) -> None:
        """Forget what is queued and let reading go on."""
        self._pieces.clear()
        self._offset = self._size = 0
        self._relieve()

    async def get(self, most: int | None = None) -> bytes:
        """All that is queued, or `most` bytes at most; b"" at the end. Raises the failure given to `end`."""
        while not self._pieces:
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                return b""
            if self._waiter is not None:
                raise PoguError("two tasks read from one connection at the same time")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._take_all() if most is None else self._take(most)

    def _take_all(self) -> bytes:
        if len(self._pieces) == 1:
            return self._take(self._size)
        taken = b"".join([self._pieces.popleft()[self._offset :], *self._pieces])
        self._pieces.clear()
        self._offset = self._size = 0
        self._relieve()
        return taken

    def _take(self, most: int) -> bytes:
        piece = self._pieces[0]
        left = len(piece) - self._offset
        if left <= most:
            self._pieces.popleft()
            taken = piece[self._offset :] if self._offset else piece
            self._offset = 0
        else:
            taken = piece[self._offset : self._offset + most]
            self._offset += most
        self._size -= len(taken)
        self._relieve()
        return taken

    def _relieve(self) -> None:
        if self._paused and self._size <= self._high // 4:
            self._paused = False
            self._resume()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
