"""The daemon's one connection to a container's terminal and standard input, through conmon's attach socket.

Each packet of the SEQPACKET socket starts, from conmon, with a byte that names the stream (2 standard output, 3
standard error); packets to conmon are plain bytes. conmon 2.1 blocks on a reader that stalls, and cuts packets at
32,767 bytes.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import deque
from pathlib import Path

from pogu.engine.runtime.supervisor import SupervisorStream
from pogu.errors import NotFound

_PACKET = 8192  # what we send; conmon's own packets hold at most 8192 bytes after the first
_KEPT = 1 << 20


class Attachment(SupervisorStream):
    """See SupervisorStream. Reads on as long as it is open, whether anybody wants the data or not."""

    def __init__(self, connection: socket.socket, *, terminal: bool, ends: bool) -> None:
        self._socket = connection
        self._terminal = terminal
        self._ends = ends and not terminal
        self._loop = asyncio.get_running_loop()
        self._kept: deque[bytes] = deque()
        self._kept_bytes = 0
        self._over = False
        self._news = asyncio.Event()
        self._room: asyncio.Future[None] | None = None
        self._input_over = False
        self._loop.add_reader(connection.fileno(), self._drain)

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            if self._over or self._input_over:
                raise BrokenPipeError(errno.EPIPE, "the container's standard input is closed")
            try:
                view = view[self._socket.send(view[:_PACKET]) :]
            except BlockingIOError:
                await self._writable()
            except ConnectionError as e:
                raise BrokenPipeError(errno.EPIPE, "the container has ended") from e

    async def close_stdin(self) -> None:
        if self._ends and not self._input_over and not self._over:
            self._input_over = True
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError:  # the container has ended
                pass

    async def read(self) -> bytes:
        while not self._kept:
            if self._over:
                return b""
            self._news.clear()
            await self._news.wait()
        data = b"".join(self._kept)
        self._kept.clear()
        self._kept_bytes = 0
        return data

    def close(self) -> None:
        if not self._over:
            self._over = True
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()
            self._news.set()
            self._wake()

    def _drain(self) -> None:
        try:
            packet = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:  # reset: conmon was killed
            packet = b""
        if not packet:
            self.close()
            return
        if self._terminal and len(packet) > 1:
            self._keep(packet[1:])

    def _keep(self, data: bytes) -> None:
        self._kept.append(data)
        self._kept_bytes += len(data)
        while self._kept_bytes > _KEPT:
            self._kept_bytes -= len(self._kept.popleft())
        self._news.set()

    async def _writable(self) -> None:
        self._room = self._loop.create_future()
        self._loop.add_writer(self._socket.fileno(), self._wake)
        try:
            await self._room
        finally:
            if not self._over:
                self._loop.remove_writer(self._socket.fileno())

    def _wake(self) -> None:
        if self._room and not self._room.done():
            self._room.set_result(None)


def connect(bundle: Path, *, terminal: bool, ends: bool) -> Attachment:
    """Connect to the attach socket in a bundle. Raises NotFound when there is none (the container has ended)."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        directory = os.open(bundle, os.O_PATH | os.O_CLOEXEC)
        try:  # by descriptor: the path may be longer than the 107 bytes that an address holds (unix(7))
            connection.connect(f"/proc/self/fd/{directory}/attach")
        finally:
            os.close(directory)
    except OSError as e:
        connection.close()
        raise NotFound(f"cannot attach to {bundle.name}: it is not running") from e
    return Attachment(connection, terminal=terminal, ends=ends)
