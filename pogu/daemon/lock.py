"""One daemon for one root: a lock on its directories, and the file with its process ID."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from pogu.errors import Conflict, InvalidArgument, PoguError

_NAME = "daemon.lock"


class DirectoryLock:
    """Exclusive use of a directory for as long as this process lives; the kernel lets go of it however it ends."""

    def __init__(self, directory: Path) -> None:
        """Take the lock.

        Raises:
            Conflict: another daemon has it; the message says which process.
            InvalidArgument: the directory cannot be made or written.
        """
        self._path = directory / _NAME
        try:
            directory.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as e:
            raise InvalidArgument(f"cannot use {directory}: {e.strerror}") from e
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            raise Conflict(
                f"another Pogu daemon (process {holder}) is using {directory}: stop it with `pogu down`, "
                "or give this one another --root and --run"
            ) from None
        self.claim()

    def claim(self) -> None:
        """Write this process's ID into the lock (again, after a fork)."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let go. The file stays: removing it would let two processes lock two files of one name."""
        os.close(self._fd)


class PidFile:
    """The file that tells others which process the daemon is."""

    def __init__(self, path: Path) -> None:
        """Write it.

        Raises:
            Conflict: it names another process that is alive.
            PoguError: it cannot be written.
        """
        self._path = path
        old = read_pid(path)
        if old is not None and old != os.getpid() and _is_daemon(old):
            raise Conflict(
                f"failed to start daemon, ensure Pogu is not running or delete {path}: "
                f"process with PID {old} is still running"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_text(f"{os.getpid()}\n")
            temporary.replace(path)
        except OSError as e:
            raise PoguError(f"cannot write the pid file {path}: {e.strerror}") from e

    def remove(self) -> None:
        """Delete it if it is still ours."""
        if read_pid(self._path) == os.getpid():
            with contextlib.suppress(OSError):
                self._path.unlink()


def read_pid(path: Path) -> int | None:
    """Return the process ID in a pid file, None if there is no such file or number."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _is_daemon(pid: int) -> bool:
    """Return whether `pid` is a living program of ours: numbers are used again, and the dead may wait for burial."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()  # empty for a process that has ended
    except OSError:
        return False
    return b"pogu" in words
