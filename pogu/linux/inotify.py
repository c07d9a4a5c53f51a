"""inotify(7): be told when a file appears or is written, on the event loop."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from collections.abc import Callable
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_EVENT = struct.Struct("iIII")  # wd, mask, cookie, length of the name that follows

ACCESS = 0x1
MODIFY = 0x2
CLOSE_WRITE = 0x8
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
OVERFLOW = 0x4000
IGNORED = 0x8000

Callback = Callable[[int, str], None]


class Inotify:
    """One inotify instance whose events go to a callback for each watch.

    A callback gets the event's mask and, when the watch is on a directory, the name of the entry. When the kernel's
    queue overflows every callback gets OVERFLOW: look at the files again. One watch for a path in one instance: the
    kernel gives the same descriptor for the same inode, and a second watch would replace the first.
    """

    def __init__(self) -> None:
        self._fd = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self._fd < 0:
            raise _error("inotify_init1")
        self._callbacks: dict[int, Callback] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._read)

    def watch(self, path: Path, mask: int, callback: Callback) -> int:
        """Watch `path` for the events in `mask`; return what `unwatch` takes.

        Raises OSError: the path does not exist, or the user's limit on watches is reached (ENOSPC).
        """
        descriptor = int(_libc.inotify_add_watch(self._fd, os.fsencode(path), ctypes.c_uint32(mask)))
        if descriptor < 0:
            raise _error(str(path))
        self._callbacks[descriptor] = callback
        return descriptor

    def unwatch(self, descriptor: int) -> None:
        """Stop a watch. One whose file is gone has stopped by itself."""
        if self._callbacks.pop(descriptor, None):
            _libc.inotify_rm_watch(self._fd, descriptor)

    def close(self) -> None:
        """Stop all watches. Idempotent."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            # closing waits for an RCU grace period (8 ms and more), in which the loop would stand still
            try:
                self._loop.run_in_executor(None, os.close, self._fd)
            except RuntimeError:  # it has ended
                os.close(self._fd)
            self._fd = -1
            self._callbacks.clear()

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        offset = 0
        while offset < len(data):
            descriptor, mask, _, length = _EVENT.unpack_from(data, offset)
            offset += _EVENT.size
            name = os.fsdecode(data[offset : offset + length].rstrip(b"\0"))
            offset += length
            self._deliver(descriptor, mask, name)

    def _deliver(self, descriptor: int, mask: int, name: str) -> None:
        if mask & OVERFLOW:
            for callback in list(self._callbacks.values()):
                callback(OVERFLOW, "")
            return
        found = self._callbacks.get(descriptor)
        if mask & IGNORED:
            self._callbacks.pop(descriptor, None)
        elif found:
            found(mask, name)


def _error(what: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code), what)
