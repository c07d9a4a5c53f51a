"""A connection after its protocol has changed: bytes in, bytes out, each direction ending on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pogu.errors import Cancelled
from pogu.http.inbound import Inbound
from pogu.http.outbound import Outbound

READ_SIZE = 64 * 1024


class RawStream:
    """The connection handed over by `Request.take_over`.

    Reading and writing may go on in different tasks; one task reads at a time. `closed` is set when the connection is
    gone for good. The same for local sockets, TCP and TLS, where the end of one direction is a close_notify alert.
    """

    __slots__ = ("_abort", "_finish", "_inbound", "_outbound", "_write_ended", "_write_eof", "closed")

    def __init__(
        self,
        inbound: Inbound,
        outbound: Outbound,
        *,
        write_eof: Callable[[], None],
        finish: Callable[[], None],
        abort: Callable[[], None],
    ) -> None:
        self._inbound = inbound
        self._outbound = outbound
        self._write_eof = write_eof
        self._finish = finish
        self._abort = abort
        self._write_ended = False
        self.closed = asyncio.Event()

    async def read(self, n: int = READ_SIZE) -> bytes:
        """Up to `n` bytes as soon as there are any; b"" once the client has ended its direction or is gone."""
        return await self._inbound.get(n)

    async def write(self, data: bytes) -> None:
        """Send data; waits while the client reads too slowly. Raises Cancelled when the client is gone.

        A cancelled write has nevertheless queued its data, whole.
        """
        if self._write_ended:
            raise Cancelled("the outgoing direction has been ended")
        if data:
            self._outbound.write(data)
            if self._outbound.blocked:
                await self._outbound.drain()

    async def write_eof(self) -> None:
        """End the outgoing direction, after all written data; reading goes on. Does nothing the second time."""
        if not self._write_ended and not self.closed.is_set():
            self._write_ended = True
            self._write_eof()

    async def close(self) -> None:
        """End both directions without losing written data, and wait until that is done.

        Input is thrown away. A client that does not close its side is given up shortly after it has got everything.
        """
        if not self.closed.is_set():
            self._write_ended = True
            self._finish()
            await self.closed.wait()

    def abort(self) -> None:
        """Break the connection at once; what was not sent is lost."""
        self._abort()
