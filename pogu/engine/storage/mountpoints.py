"""What the engine and the runtime make in a container's root, to mount on it or to mark it: no change of anybody's.

Docker has these in a layer of their own between image and container ("init layer"), so that neither `docker diff`
shows them nor a commit takes them along.
"""

from __future__ import annotations

import os
import stat

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
