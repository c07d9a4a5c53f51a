"""Network namespaces: made, kept by a bind mount, entered and forgotten, without a child process.

unshare(2) and setns(2) change the calling thread alone, so each piece of work inside a namespace runs in a thread of
its own which ends with the work: a thread that could not return to its old namespace can never serve anyone else.
"""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
_MS_BIND = 0x1000
_MNT_DETACH = 2
_UMOUNT_NOFOLLOW = 8
_OWN_NAMESPACE = Path("/proc/thread-self/ns/net")

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in a new thread that ends with it; return its result or raise what it raised."""
    result: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as e:  # carried to the caller
            failure.append(e)

    thread = threading.Thread(target=run, name="netns")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return result[0]


def create(path: Path, prepare: Callable[[], T]) -> T:
    """Make a network namespace, run `prepare` inside it and keep it alive by a bind mount on the file `path`.

    `path` must not be a namespace already; its directory must exist. If anything fails nothing is left behind.

    Raises:
        OSError: no permission (EPERM), no room (ENOSPC, see /proc/sys/user/max_net_namespaces), or what `prepare`
            raised.
    """

    def work() -> T:
        _check(_libc.unshare(CLONE_NEWNET), "unshare(CLONE_NEWNET)")
        result = prepare()
        _bind(_OWN_NAMESPACE, path)
        return result

    return in_thread(work)


def make(prepare: Callable[[], object]) -> int:
    """Make a network namespace, run `prepare` inside it and return a descriptor, with which it ends unless kept.

    Raises OSError: as `create`.
    """

    def work() -> int:
        _check(_libc.unshare(CLONE_NEWNET), "unshare(CLONE_NEWNET)")
        prepare()
        return os.open(_OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)

    return in_thread(work)


def keep(fd: int, path: Path) -> None:
    """Keep a namespace alive by a bind mount on the file `path`, as `create` does. Raises OSError."""
    _bind(Path(f"/proc/self/fd/{fd}"), path)


def _bind(source: Path, path: Path) -> None:
    path.touch(mode=0o444)
    try:
        arguments = os.fsencode(source), os.fsencode(path), None, ctypes.c_ulong(_MS_BIND), None
        _check(_libc.mount(*arguments), f"bind a namespace to {path}")
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def inside(path: Path, work: Callable[[], T]) -> T:
    """Run `work` in the network namespace that `path` (a bind mount, or /proc/PID/ns/net) names, and return its result.

    Raises:
        OSError: there is no such namespace (ENOENT, EINVAL), or what `work` raised.
    """

    def run() -> T:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.setns(fd, CLONE_NEWNET), f"enter {path}")
        finally:
            os.close(fd)
        return work()

    return in_thread(run)


def remove(path: Path) -> None:
    """Take the bind mount away and delete its file; a namespace that nobody else uses ends. Idempotent.

    Raises:
        OSError: the mount is busy or not ours to remove.
    """
    while True:  # a crash between two mounts can have left one over another
        if _libc.umount2(os.fsencode(path), _MNT_DETACH | _UMOUNT_NOFOLLOW) != 0:
            number = ctypes.get_errno()
            if number in (errno.EINVAL, errno.ENOENT):
                break
            raise OSError(number, f"unmount {path}: {os.strerror(number)}")
    path.unlink(missing_ok=True)


def is_namespace(path: Path) -> bool:
    """Say whether `path` is a live namespace: after a reboot, or a crash in `create`, only a plain file may be left."""
    try:
        return path.lstat().st_dev == _OWN_NAMESPACE.stat().st_dev  # all namespaces live in one file system, nsfs
    except OSError:
        return False
