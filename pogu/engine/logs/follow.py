"""Reading the spool while it grows: woken by the kernel at each write, ended by the container's end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from pogu.engine.logs.files import Position, is_current, open_file, open_next
from pogu.engine.logs.spool import Splitter, SpoolRecord
from pogu.engine.logs.watch import Watch

CHUNK = 64 << 10  # bytes that are read and parsed at a time


class Ending:
    """Says that nothing more will be written; followers read what is there and stop."""

    def __init__(self) -> None:
        self.done = False
        self._wakes: set[Callable[[], None]] = set()

    def set(self) -> None:
        """Wake every follower; idempotent."""
        self.done = True
        for wake in list(self._wakes):
            wake()

    def add(self, wake: Callable[[], None]) -> None:
        """Have `wake` called at the end."""
        self._wakes.add(wake)

    def discard(self, wake: Callable[[], None]) -> None:
        """Undo `add`."""
        self._wakes.discard(wake)


class OpenSpool:
    """A spool open for reading from a position on; goes from file to file as they were begun."""

    def __init__(self, path: Path, position: Position) -> None:
        self._path = path
        self._splitter = Splitter()
        self._fd = -1
        self._inode = 0
        self._offset = 0
        self._take(open_file(path, position.inode))
        if self._inode == position.inode:
            self._offset = position.offset

    def read(self) -> list[SpoolRecord] | None:
        """Return the records that were added, None if there are no more for now."""
        if self._fd < 0 and not self._take(open_file(self._path, 0)):
            return None
        if (records := self._more()) is not None:
            return records
        following = -1 if is_current(self._path, self._inode) else open_next(self._path, self._inode)
        if following < 0:
            return None
        # what was written before the new file was begun is there now, and nothing more comes into the old one
        if (records := self._more()) is not None:
            os.close(following)
            return records
        self.close()
        self._take(following)
        return []

    def _more(self) -> list[SpoolRecord] | None:
        data = os.pread(self._fd, CHUNK, self._offset)
        if data:
            self._offset += len(data)
            return self._splitter.feed(data)
        if os.fstat(self._fd).st_size < self._offset:  # somebody has emptied it
            self._offset = 0
            self._splitter.reset()
        return None

    def _take(self, fd: int) -> bool:
        self._fd, self._offset = fd, 0
        self._inode = os.fstat(fd).st_ino if fd >= 0 else 0
        self._splitter.reset()
        return fd >= 0

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


async def follow(path: Path, position: Position, ending: Ending) -> AsyncGenerator[list[SpoolRecord], None]:
    """Yield the records from `position` on as they are written, in batches, until `ending` is set and all is read.

    The file need not exist yet; its directory must.
    """
    wake = asyncio.Event()
    watch = Watch(path.parent, wake.set)
    ending.add(wake.set)
    spool = OpenSpool(path, position)
    try:
        while True:
            wake.clear()
            ended = ending.done
            while (records := spool.read()) is not None:
                if records:
                    yield records
                await asyncio.sleep(0)  # a flood of output must not keep the loop from everybody else
            if ended:
                return
            await wake.wait()
    finally:
        spool.close()
        ending.discard(wake.set)
        watch.close()
