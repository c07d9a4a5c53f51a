"""A runtime's program on a read-only mount of its own, seen by nobody but those that we start.

A container's process that finds the runtime through /proc/PID/exe must not be able to write to it (CVE-2019-5736).
crun therefore makes such a mount for itself and executes itself again, which is 3 ms of each call; it does not where
it finds itself on a read-only mount already.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pogu.linux.mounts import read_only_clone


class ReadOnlyProgram:
    """`path()` is what to execute as long as this process lives; `link` is where it may keep a symlink.

    The link gives the process its name; it leads to our descriptor of the mount, which goes with us.
    """

    def __init__(self, program: str, link: Path) -> None:
        self._program = program
        self._link = link
        self._fd = -1
        self._version: tuple[int, ...] = ()

    def path(self) -> str:
        """Return the path to execute: the program's own where the kernel cannot do it (before 5.12)."""
        try:
            version = _version(self._program)
            if version != self._version:  # the first time, or its package was upgraded
                self._renew()
                self._version = version
        except OSError:
            return self._program
        return str(self._link)

    def _renew(self) -> None:
        fd = read_only_clone(self._program)
        try:
            self._link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = self._link.with_suffix(".part")
            part.unlink(missing_ok=True)
            part.symlink_to(f"/proc/{os.getpid()}/fd/{fd}")
            part.rename(self._link)
        except OSError:
            os.close(fd)
            raise
        self.close()
        self._fd = fd

    def close(self) -> None:
        """Let go of the mount; processes that run from it keep it. Idempotent."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self._fd)
            self._fd = -1
            self._version = ()


def _version(program: str) -> tuple[int, ...]:
    status = Path(program).stat()
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size
