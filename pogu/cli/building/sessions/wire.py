"""A connection that was taken over, as gRPC wants it: read and written on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

from pogu.cli.client import Channel, Raw
from pogu.cli.relay import relay

_MOST = 1 << 20  # bytes read at once


class SocketWire:
    """Implements `pogu.dialects.buildkit.grpc.Wire` on a socket."""

    def __init__(self, own: socket.socket, begun: bytes) -> None:
        """`begun` has come already."""
        own.setblocking(False)
        self._socket = own
        self._begun = begun

    async def read(self, n: int = _MOST, /) -> bytes:
        """See `Wire`."""
        if self._begun:
            data, self._begun = self._begun[:n], self._begun[n:]
            return data
        try:
            return await asyncio.get_running_loop().sock_recv(self._socket, n)
        except OSError:
            return b""

    async def write(self, data: bytes, /) -> None:
        """See `Wire`."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    def abort(self) -> None:
        """See `Wire`."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the descriptor back, once nobody reads or writes any more."""
        self._socket.close()


def wire_of(raw: Raw) -> SocketWire:
    """Return the connection of a request that was taken over."""
    channel, begun = raw.detach()
    if isinstance(channel, socket.socket):
        return SocketWire(channel, begun)
    ours, theirs = socket.socketpair()
    threading.Thread(target=_carry, args=(channel, theirs), daemon=True).start()
    return SocketWire(ours, begun)


def _carry(channel: Channel, end: socket.socket) -> None:
    """Carry what TLS or ssh has to and from a plain socket: they want one thread, and no event loop."""
    with contextlib.closing(channel), end, end.dup() as out, contextlib.suppress(OSError):
        relay(channel, end.fileno(), out.fileno())  # two descriptors: each is waited for in its own way
