"""A fallback for published TCP ports: carries a connection that the firewall's translation did not take.

That is a client of this host that connects to ::1 while the container has IPv4 only (the kernel cannot route that),
or anyone while another program has flushed the ruleset. The container sees the host's address instead of the client's.
"""

from __future__ import annotations

import asyncio
import logging
import socket

log = logging.getLogger(__name__)

_CHUNK = 1 << 16
_CONNECT_SECONDS = 10.0


class Forwarder:
    """Accepts on a listening socket that stays the caller's, and connects each client to the target of the moment."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._target: tuple[str, int] | None = None
        self._loop = asyncio.get_running_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._loop.add_reader(listener.fileno(), self._accept)

    def aim(self, target: tuple[str, int] | None) -> None:
        """Send new connections to (address, port); None closes them at once."""
        self._target = target

    def close(self) -> None:
        """Stop accepting and drop the connections under way."""
        self._loop.remove_reader(self._listener.fileno())
        for task in self._connections:
            task.cancel()

    def _accept(self) -> None:
        try:
            client, _address = self._listener.accept()
        except OSError:  # the client has gone again, or no descriptor is free
            return
        if self._target is None:
            client.close()
            return
        client.setblocking(False)
        task = self._loop.create_task(_carry(client, self._target))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)


async def _carry(client: socket.socket, target: tuple[str, int]) -> None:
    """Copy both ways until both sides have ended; a side's end is passed on as such."""
    reader, writer = await asyncio.open_connection(sock=client)
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            far_reader, far_writer = await asyncio.open_connection(*target)
    except (OSError, TimeoutError) as e:
        log.debug("a forwarded connection to %s: %s", target, e)
        writer.transport.abort()
        return
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(reader, far_writer))
            group.create_task(_copy(far_reader, writer))
    except* OSError:  # one side broke off: so does the other
        pass
    finally:
        writer.close()
        far_writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        sink.write(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()
