"""The HTTP server: listeners, the connections they accept, and their orderly end."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import socket
import ssl
from pathlib import Path

from pogu.http import listeners
from pogu.http.connection import Connection
from pogu.http.limits import Limits
from pogu.http.messages import Handler
from pogu.http.tls import TlsLayer

log = logging.getLogger(__name__)

_BACKLOG = 1024
_CLEAN_UP_SECONDS = 5.0

SslContext = ssl.SSLContext


class Server:
    """Serves one handler on any number of local, TCP and TLS sockets. Use it within one running event loop."""

    def __init__(self, handler: Handler, limits: Limits | None = None) -> None:
        self.handler = handler
        self.limits = limits or Limits()
        self._listening: list[tuple[asyncio.AbstractServer, str]] = []
        self._files: dict[Path, tuple[int, int]] = {}
        self._connections: set[Connection] = set()
        self._draining = False
        self._empty = asyncio.Event()
        self._empty.set()

    async def listen_unix(self, path: str | os.PathLike[str], mode: int = 0o660, group: str | int | None = None) -> str:
        """Listen on a local socket file of this mode and group; returns its address, `unix:///path`.

        Replaces a socket file nobody listens on. Raises Conflict, NotFound or InvalidArgument, see `bind_unix`.
        """
        file = Path(path)
        sock = await listeners.bind_unix(file, mode, group)
        status = file.stat()
        address = await self._serve([sock], None)
        self._files[file] = (status.st_dev, status.st_ino)
        return address

    async def listen_tcp(self, host: str | None, port: int, ssl: SslContext | None = None) -> str:
        """Listen on every address of a host (None: all), with TLS if a context is given; returns the first address.

        Port 0 picks a free one. Raises InvalidArgument for an unknown host, Conflict for a port in use.
        """
        return await self._serve(await listeners.bind_tcp(host, port), ssl)

    async def listen_fd(self, fd: int, ssl: SslContext | None = None) -> str:
        """Listen on an inherited socket, which belongs to the server from then on. Raises InvalidArgument."""
        return await self._serve([listeners.adopt(fd)], ssl)

    async def _serve(self, sockets: list[socket.socket], context: SslContext | None) -> str:
        loop = asyncio.get_running_loop()
        for sock in sockets:
            address = listeners.address_of(sock)
            factory = self._plain_connection if context is None else functools.partial(self._tls_connection, context)
            if sock.family == socket.AF_UNIX:
                server: asyncio.AbstractServer = await loop.create_unix_server(factory, sock=sock, backlog=_BACKLOG)
            else:
                server = await loop.create_server(factory, sock=sock, backlog=_BACKLOG)
            self._listening.append((server, address))
        return self._listening[-len(sockets)][1]

    def _plain_connection(self) -> asyncio.Protocol:
        return Connection(self)

    def _tls_connection(self, context: SslContext) -> asyncio.Protocol:
        return TlsLayer(context, self._plain_connection, self.limits.header_seconds)

    def addresses(self) -> list[str]:
        """Where it listens: `unix:///path` and `tcp://host:port` (also with TLS), in the order they were opened."""
        return [address for _, address in self._listening]

    @property
    def connections(self) -> int:
        """How many connections are open, or closed with their handler still at work."""
        return len(self._connections)

    # --- what connections call ---

    @property
    def draining(self) -> bool:
        """Whether connections are to end after their current answer."""
        return self._draining

    def admit(self, connection: Connection) -> bool:
        """Count a new connection; False if there are too many or the server is closing."""
        self._connections.add(connection)
        self._empty.clear()
        return len(self._connections) <= self.limits.connections and not self._draining

    def forget(self, connection: Connection) -> None:
        """A connection is gone, and its handler has ended."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    async def close(self, grace_seconds: float = 5.0) -> None:
        """Stop listening, let running answers finish for so long, then break off what is left.

        Idle connections end at once, others after their current answer; socket files are removed. Returns when every
        connection is gone and every handler has ended (those cancelled get a few seconds to clean up).
        """
        self._draining = True
        self._stop_listening()
        for connection in list(self._connections):
            connection.drain()
        if await self._is_empty_within(grace_seconds):
            return
        for connection in list(self._connections):
            connection.cancel()
        if not await self._is_empty_within(_CLEAN_UP_SECONDS):
            log.error("%d handlers did not end when they were cancelled", len(self._connections))

    async def _is_empty_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def _stop_listening(self) -> None:
        for server, _ in self._listening:
            server.close()
        self._listening.clear()
        for file, identity in self._files.items():
            try:
                status = file.lstat()
                if (status.st_dev, status.st_ino) == identity:  # not the file of a daemon that came after
                    file.unlink()
            except FileNotFoundError:
                pass
        self._files.clear()
