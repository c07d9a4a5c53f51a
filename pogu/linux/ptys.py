"""Pseudo-terminals, and the descriptors of pipes and terminals on the event loop."""

from __future__ import annotations

import array
import asyncio
import errno
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable
from pathlib import Path


def set_size(fd: int, height: int, width: int) -> None:
    """Set a terminal's size in characters, at most 65535 each; the processes in its foreground get SIGWINCH.

    ioctl_tty(2), TIOCSWINSZ.
    """
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", min(height, 0xFFFF), min(width, 0xFFFF), 0, 0))


def get_size(fd: int) -> tuple[int, int]:
    """Return a terminal's (height, width)."""
    height, width, _, _ = struct.unpack("HHHH", fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8)))
    return height, width


def set_raw(fd: int) -> None:
    """Make a terminal pass bytes through unchanged, both ways (cfmakeraw of termios(3))."""
    iflag, oflag, cflag, lflag, ispeed, ospeed, control = termios.tcgetattr(fd)
    iflag &= ~(
        termios.IGNBRK
        | termios.BRKINT
        | termios.PARMRK
        | termios.ISTRIP
        | termios.INLCR
        | termios.IGNCR
        | termios.ICRNL
        | termios.IXON
    )
    oflag &= ~termios.OPOST
    lflag &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
    cflag = (cflag & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
    termios.tcsetattr(fd, termios.TCSANOW, [iflag, oflag, cflag, lflag, ispeed, ospeed, control])


class Stream:
    """Reads and writes a pipe or a terminal, only when asked to: what nobody reads stays in the kernel.

    Owns the descriptor and makes it non-blocking. One reader and one writer at a time.
    """

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._fd < 0

    def fileno(self) -> int:
        """Return the descriptor, -1 after `close`."""
        return self._fd

    async def read(self, size: int = 65536) -> bytes:
        """Return what there is, up to `size` bytes; b"" at the end, which is also a terminal's hang-up and `close`."""
        while self._fd >= 0:
            try:
                return os.read(self._fd, size)
            except BlockingIOError:
                await self._ready(self._loop.add_reader, self._loop.remove_reader)
            except OSError as e:
                if e.errno == errno.EIO:  # the last process with this terminal open has gone
                    return b""
                raise
        return b""

    async def write(self, data: bytes) -> None:
        """Write all of `data`. Cancelled, a part may be written.

        Raises BrokenPipeError when nobody reads any more, and after `close`.
        """
        view = memoryview(data)
        while view:
            if self._fd < 0:
                raise BrokenPipeError(errno.EPIPE, "closed")
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                await self._ready(self._loop.add_writer, self._loop.remove_writer)
            except OSError as e:
                if e.errno == errno.EIO:
                    raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from e
                raise

    def close(self) -> None:
        """Close the descriptor; whoever waits on it is woken. Idempotent."""
        if self._fd < 0:
            return
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        os.close(self._fd)
        self._fd = -1
        for waiter in self._waiting:
            _wake(waiter)

    async def _ready(self, add: Callable[..., object], remove: Callable[[int], object]) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiting.add(waiter)
        add(self._fd, _wake, waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)
            if self._fd >= 0:
                remove(self._fd)


class ConsoleSocket:
    """The socket on which an OCI runtime hands over the master side of a terminal (runc's docs/terminals.md)."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._listener.bind(str(path))
        self._listener.listen(1)

    async def receive(self) -> int:
        """Return the terminal's descriptor, owned by the caller. OSError when the runtime sends none."""
        loop = asyncio.get_running_loop()
        connection, _ = await loop.sock_accept(self._listener)
        with connection:
            while True:
                try:
                    return _receive_descriptor(connection)
                except BlockingIOError:
                    await _readable(loop, connection.fileno())

    def close(self) -> None:
        """Stop listening. Idempotent."""
        self._listener.close()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


async def _readable(loop: asyncio.AbstractEventLoop, fd: int) -> None:
    waiter: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, _wake, waiter)
    try:
        await waiter
    finally:
        loop.remove_reader(fd)


def _receive_descriptor(connection: socket.socket) -> int:
    space = socket.CMSG_LEN(struct.calcsize("i"))
    _, ancillary, _, _ = connection.recvmsg(4096, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds = array.array("i")
            fds.frombytes(data[: fds.itemsize])
            return fds[0]
    raise OSError(errno.EPROTO, "the runtime sent no terminal")
