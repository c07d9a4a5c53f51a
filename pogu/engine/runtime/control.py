"""conmon's control FIFO: resize the terminal, reopen the log.

conmon 2.1 reads a FIFO in one gulp and acts, for each line in it, on the first line. So a line is written only when the
one before has been read. A size goes on through a second FIFO, `winsz`, and must have been read there too.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import struct
import termios
import time
from pathlib import Path

from pogu.errors import Conflict, PoguError
from pogu.linux import inotify

_WITHIN = 5.0  # seconds
_SIZE_WITHIN = 2.0


async def resize(bundle: Path, height: int, width: int, events: inotify.Inotify) -> None:
    """Set the size of the terminal, and return when conmon is doing it. One at a time for each bundle.

    Raises as `send`; a container that ends meanwhile is no error.
    """
    read = asyncio.Event()
    try:
        watch = events.watch(bundle / "winsz", inotify.ACCESS, lambda *_: read.set())
    except FileNotFoundError as e:
        raise Conflict(f"container {bundle.name} is not running") from e
    try:
        await send(bundle, f"1 {height} {width}\n")
        async with asyncio.timeout(_SIZE_WITHIN):
            await read.wait()
    except TimeoutError:
        pass
    finally:
        events.unwatch(watch)


async def send(bundle: Path, line: str) -> None:
    """Write one line to the `ctl` FIFO of a bundle, and return when conmon has read it.

    Raises:
        Conflict: conmon is gone.
        PoguError: conmon does not read.
    """
    try:
        fd = os.open(bundle / "ctl", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as e:
        if e.errno in (errno.ENXIO, errno.ENOENT):
            raise Conflict(f"container {bundle.name} is not running") from e
        raise
    try:
        await _until_empty(fd)
        os.write(fd, line.encode())
        await _until_empty(fd)
    finally:
        os.close(fd)


async def appears(path: Path) -> None:
    """Return when a file exists. Raises PoguError when it does not within 5 s."""
    deadline = time.monotonic() + _WITHIN
    while not path.exists():
        if time.monotonic() > deadline:
            raise PoguError(f"{path} was not reopened")
        await asyncio.sleep(0.001)


async def _until_empty(fd: int) -> None:
    deadline = time.monotonic() + _WITHIN
    while struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0]:
        if time.monotonic() > deadline:
            raise PoguError("the container's supervisor does not read its control file")
        await asyncio.sleep(0.001)
