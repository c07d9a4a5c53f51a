"""The places in a root file system that the engine and the runtime mount upon, and what marks it as a container's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pogu.engine.containers.files import NAMES
from pogu.linux.paths import opened

_FOLDERS = ("dev", "etc", "proc", "sys")


def prepare_places(root: Path) -> None:
    """Clear the places and leave the marks. Blocks; OSError as they raise it."""
    clear_places(root)
    leave_marks(root)


def clear_places(root: Path) -> None:
    """Put a directory where /dev, /etc, /proc or /sys is anything else, and take links away where files are mounted.

    dockerd does this in a layer below the container's own. Without it a link in an image decides where the runtime
    works: runc 1.1 makes links (`fd`, `stdin`, `ptmx`…) in what /dev leads to on the host. A name that is missing is
    left to the runtime.

    Raises:
        OSError: the file system is full, or the root is not mounted.
    """
    with opened(os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)) as root_fd:
        for name in _FOLDERS:
            mode = _mode(root_fd, name)
            if mode and not stat.S_ISDIR(mode):
                os.unlink(name, dir_fd=root_fd)
                os.mkdir(name, 0o755, dir_fd=root_fd)
        if _mode(root_fd, "etc"):
            flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            with opened(os.open("etc", flags, dir_fd=root_fd)) as etc_fd:
                for name in NAMES:
                    if stat.S_ISLNK(_mode(etc_fd, name)):
                        os.unlink(name, dir_fd=etc_fd)


def leave_marks(root: Path) -> None:
    """Make what programs look for in a container where it is missing; after `clear_places`.

    `/.dockerenv` tells them that they run in one; `/etc/mtab` is what `df`, `mount` and the C library read. Neither is
    a change of the container (`pogu.engine.storage.mountpoints`).

    Raises:
        OSError: the file system is full, or the root is not mounted.
    """
    with opened(os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)) as root_fd:
        if not _mode(root_fd, ".dockerenv"):
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
            os.close(os.open(".dockerenv", flags, 0o755, dir_fd=root_fd))
        if _mode(root_fd, "etc"):
            flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            with opened(os.open("etc", flags, dir_fd=root_fd)) as etc_fd:
                if not _mode(etc_fd, "mtab"):
                    before = os.fstat(etc_fd)
                    os.symlink("/proc/mounts", "mtab", dir_fd=etc_fd)
                    times = before.st_atime_ns, before.st_mtime_ns
                    os.utime("etc", ns=times, dir_fd=root_fd, follow_symlinks=False)


def _mode(folder_fd: int, name: str) -> int:
    """Return the mode of what has this name, 0 where nothing has it."""
    try:
        return os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0
