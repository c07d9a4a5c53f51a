"""What the engine and the runtime make in a container's root, to mount on it or to mark it: no change of anybody's.

Docker has these in a layer of their own between image and container ("init layer"), so that neither `docker diff`
shows them nor a commit takes them along.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from pogu.linux.paths import attribute_path, is_there, parent_of
from pogu.linux.trees import walk

_FILES = frozenset(["etc/hosts", "etc/hostname", "etc/resolv.conf", "dev/console", ".dockerenv"])
_DIRECTORIES = frozenset(["dev", "dev/pts", "dev/shm", "dev/mqueue", "proc", "sys"])


def is_mountpoint(path: str, status: os.stat_result) -> bool:
    """Tell whether a path (relative to the root) that the image has not got is one of those, and still as it was made.

    A file with something in it is somebody's own.
    """
    if stat.S_ISDIR(status.st_mode):
        return path in _DIRECTORIES
    if stat.S_ISLNK(status.st_mode):
        return path == "etc/mtab" and status.st_size == len("/proc/mounts")
    return path in _FILES and stat.S_ISREG(status.st_mode) and status.st_size == 0


def remove_mountpoints(root: int, below: int | None = None) -> None:
    """Take them out of a tree, but for those that the tree `below` has. Both are descriptors."""
    found = [(f.path, f.is_dir) for f in walk(root) if is_mountpoint(f.path, f.status)]
    for path, is_dir in reversed(found):
        if below is not None and is_there(below, path):
            continue
        with parent_of(root, path) as (parent, name), suppress(OSError):  # a directory with somebody's own in it stays
            before = os.fstat(parent)
            os.rmdir(name, dir_fd=parent) if is_dir else os.unlink(name, dir_fd=parent)
            os.utime(attribute_path(parent), ns=(before.st_atime_ns, before.st_mtime_ns))
