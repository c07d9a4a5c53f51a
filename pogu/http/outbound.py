"""What is written and not yet accepted by the kernel: the sending half of back-pressure."""

from __future__ import annotations

import asyncio

from pogu.errors import Cancelled

GONE = "the client has closed the connection"


class Outbound:
    """Writes to a transport; `drain` waits while the transport holds more than its limit, `high` bytes."""

    __slots__ = ("_blocked", "_high", "_lost", "_transport", "_waiters")

    def __init__(self, transport: asyncio.Transport, high: int = 64 * 1024) -> None:
        self._high = high
        self._transport = transport
        self._blocked = False
        self._lost = False
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def blocked(self) -> bool:
        """Whether the client reads too slowly at the moment."""
        return self._blocked

    def write(self, data: bytes) -> None:
        """Send or queue data. Raises Cancelled when the client is gone."""
        if self._lost or self._transport.is_closing():
            raise Cancelled(GONE)
        self._transport.write(data)

    async def drain(self) -> None:
        """Return once the transport wants more. Raises Cancelled when the client goes away meanwhile."""
        while self._blocked and not self._lost:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        if self._lost:
            raise Cancelled(GONE)

    async def flush(self) -> None:
        """Return once the kernel has accepted everything. Raises Cancelled when the client goes away meanwhile."""
        if not self._lost and not self._transport.get_write_buffer_size():
            return
        self._transport.set_write_buffer_limits(high=0)
        try:
            await self.drain()
        finally:
            self._transport.set_write_buffer_limits(high=self._high)

    def block(self) -> None:
        """The transport is full."""
        self._blocked = True

    def unblock(self) -> None:
        """The transport wants more."""
        self._blocked = False
        self._wake()

    def lose(self) -> None:
        """The connection is gone."""
        self._lost = True
        self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
