"""Part of a file as the body of an answer: sent by the kernel where the connection allows it, in large pieces else."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable
from typing import TypeVar

from pogu.errors import Cancelled, PoguError

PIECE = 1024 * 1024
"""Bytes read or sent in one go, in a thread: reading may wait for the disk."""


_PATIENCE = 2  # milliseconds in which a reader that keeps up has made room again

T = TypeVar("T")


class FileBody:
    """A body of `length` bytes from `offset` of an open file, whose descriptor belongs to this object from now on.

    It is an asynchronous iterator, as every streamed body. Over plain sockets the connection calls `send_to` instead.
    A file that is shorter than was said breaks the answer off.
    """

    __slots__ = ("_ended", "_fd", "_left", "_offset")

    def __init__(self, fd: int, offset: int, length: int) -> None:
        self._fd = fd
        self._offset = offset
        self._left = length
        self._ended = False

    @property
    def length(self) -> int:
        """Bytes that have not been read or sent yet."""
        return self._left

    def __aiter__(self) -> FileBody:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        piece = await self._in_thread(lambda: os.pread(self._fd, min(PIECE, self._left), self._offset))
        if not piece:
            raise StopAsyncIteration
        self._offset += len(piece)
        self._left -= len(piece)
        return piece

    async def send_to(self, socket: int) -> None:
        """Send all of it to a non-blocking socket with sendfile(2). The descriptor must not be known to the loop.

        Raises:
            Cancelled: the client has gone.
            PoguError: the file is shorter than was said.
        """
        while self._left:
            try:
                sent = await self._in_thread(lambda: self._send_piece(socket))
            except OSError as error:
                raise Cancelled("the client has closed the connection") from error
            if sent is None:
                await _writable(socket)
            elif sent == 0:
                raise PoguError("the file is shorter than the answer's Content-Length")

    def _send_piece(self, socket: int) -> int | None:
        """Send until a piece is done or the socket is full; None if it was full at once, 0 at the end of the file."""
        total = 0
        while self._left and total < 16 * PIECE and not self._ended:
            try:
                sent = os.sendfile(socket, self._fd, self._offset, min(PIECE, self._left))
            except BlockingIOError:
                # A reader that keeps up makes room within a moment; going back to the loop for each costs more.
                if not _soon_writable(socket):
                    return total or None
                continue
            if sent == 0:
                return total
            self._offset += sent
            self._left -= sent
            total += sent
        return total

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run something in a thread; if that is cancelled, wait for its end, since it uses the descriptors."""
        running = asyncio.get_running_loop().run_in_executor(None, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self._ended = True
            await asyncio.wait([running])
            running.exception()  # has been seen: a client that leaves makes the work fail
            raise

    async def aclose(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            os.close(self._fd)
            self._fd = -1


def _soon_writable(socket: int) -> bool:
    poller = select.poll()
    poller.register(socket, select.POLLOUT)
    return bool(poller.poll(_PATIENCE))


async def _writable(socket: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(socket, _fulfil, ready)
    try:
        await ready
    finally:
        loop.remove_writer(socket)


def _fulfil(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
