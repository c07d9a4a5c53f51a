"""Two ends of a local connection, each as a `Wire`."""

from __future__ import annotations

import asyncio
import socket


class SocketWire:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.received = 0

    async def read(self, n: int = 65536, /) -> bytes:
        data = await self._reader.read(n)
        self.received += len(data)
        return data

    async def write(self, data: bytes, /) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def close(self) -> None:
        self.abort()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)


async def pair() -> tuple[SocketWire, SocketWire]:
    left, right = socket.socketpair()
    return SocketWire(*await asyncio.open_connection(sock=left)), SocketWire(*await asyncio.open_connection(sock=right))
