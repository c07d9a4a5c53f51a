"""Room on the disk kept back, so that removals can be recorded on a disk that is full."""

from __future__ import annotations

import os
from pathlib import Path

_BYTES = 1 << 20


class Reserve:
    """A file that is deleted when a removal finds no room, and made again when there is some. For one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fill(self) -> None:
        """Make the file if there is room."""
        try:
            if self._path.exists():
                return
            fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, _BYTES)
            finally:
                os.close(fd)
        except OSError:  # it is tried again after the next commit
            self._path.unlink(missing_ok=True)

    def release(self) -> bool:
        """Give the room up; False if there was none."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
