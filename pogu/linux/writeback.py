"""Beginning to write a file to its disk before anybody waits for that: sync_file_range(2).

A call promises nothing; whoever needs the bytes on the disk syncs as ever, and then waits for little.
"""

from __future__ import annotations

import ctypes

_WRITE = 2  # SYNC_FILE_RANGE_WRITE <fcntl.h>
_libc = ctypes.CDLL(None, use_errno=True)
_libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


def start_writeback(fd: int, offset: int = 0, length: int = 0) -> None:
    """Start writing the pages of a file that changed, `length` bytes from `offset` on (0: to the end).

    May block for a moment where the disk has much to do already. Nothing happens where the file system cannot.
    """
    _libc.sync_file_range(fd, offset, length, _WRITE)
