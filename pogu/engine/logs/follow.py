"""Reading the spool while it grows: woken by the kernel at each write, ended by the container's end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from pogu.engine.logs.spool import Splitter, SpoolRecord
from pogu.engine.logs.watch import Watch

CHUNK = 256 << 10


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
    """A spool file open for reading at an offset; goes over to the new file after a rotation (rename and reopen)."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path = path
        self._fd = -1
        self._offset = offset
        self._splitter = Splitter()
        self._open()

    def read(self) -> list[SpoolRecord] | None:
        """Return the records that were added, None if the file has not grown."""
        if self._fd < 0 and not self._open():
            return None
        data = os.pread(self._fd, CHUNK, self._offset)
        if data:
            self._offset += len(data)
            return self._splitter.feed(data)
        return self._after_change()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> bool:
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        return True

    def _after_change(self) -> list[SpoolRecord] | None:
        """At the end of the file: see whether it was replaced or cut, and start on what is there now."""
        now = os.fstat(self._fd)
        if now.st_size < self._offset:
            self._offset = 0
            self._splitter.reset()
            return []
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return None
        if (named.st_dev, named.st_ino) == (now.st_dev, now.st_ino):
            return None
        self.close()
        self._offset = 0
        self._splitter.reset()
        return [] if self._open() else None


async def follow(path: Path, offset: int, ending: Ending) -> AsyncIterator[list[SpoolRecord]]:
    """Yield the records from `offset` on as they are written, in batches, until `ending` is set and all is read.

    The file need not exist yet; its directory must.
    """
    wake = asyncio.Event()
    watch = Watch(path.parent, wake.set)
    ending.add(wake.set)
    spool = OpenSpool(path, offset)
    try:
        while True:
            wake.clear()
            ended = ending.done
            while (records := spool.read()) is not None:
                if records:
                    yield records
            if ended:
                return
            await wake.wait()
    finally:
        spool.close()
        ending.discard(wake.set)
        watch.close()
