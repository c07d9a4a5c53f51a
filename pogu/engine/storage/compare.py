"""How a writable tree differs from what it stands on, by Docker's rules (`docker diff`).

A file counts as modified when its mode, owner, device, size, time or capabilities differ; a directory when its mode or
owner do, or something in it changed. Times and sizes of directories mean nothing.
"""

from __future__ import annotations

import os
import stat

from pogu.engine.archive.directories import is_whiteout
from pogu.engine.archive.writer import is_opaque
from pogu.engine.storage.driver import Change, ChangeKind
from pogu.engine.storage.lower import MergedDirectory
from pogu.engine.storage.mountpoints import is_mountpoint
from pogu.linux.paths import attribute_path, opened
from pogu.linux.trees import Found, walk

_Child = tuple[os.stat_result, str, MergedDirectory | None]
_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def changes(upper: int, lower: MergedDirectory | None, *, complete: bool) -> list[Change]:
    """Return the changes of the directory `upper` (a descriptor) against `lower`, sorted by path. Blocks.

    `complete` says that `upper` holds everything (vfs), so that what is missing was deleted; otherwise it is the upper
    directory of an overlay, with whiteouts and opaque directories.
    """
    comparison = _Comparison(complete)
    comparison.run(upper, lower)
    return sorted(Change(f"/{path}", kind) for path, kind in comparison.found.items())


class _Comparison:
    def __init__(self, complete: bool) -> None:
        self._complete = complete
        self.found: dict[str, ChangeKind] = {}

    def run(self, upper: int, lower: MergedDirectory | None) -> None:
        below: dict[str, MergedDirectory | None] = {"": lower}  # what the directories on the way stand on
        self._missing(upper, "", lower)
        for found in walk(upper):
            directory = below[found.path.rpartition("/")[0]]
            old = directory.child(found.name) if directory is not None else None
            self._judge(found, old)
            if found.is_dir:
                below[found.path] = old[2] if old else None
                self._missing_in(found, below[found.path])

    def _judge(self, found: Found, old: _Child | None) -> None:
        if not self._complete and is_whiteout(found.status):
            if old is not None:
                self._note(found.path, ChangeKind.DELETED)
        elif old is None:
            if not is_mountpoint(found.path, found.status):
                self._note(found.path, ChangeKind.ADDED)
        elif _differs(old[0], found.status) or _caps_differ(old[1], attribute_path(found.parent, found.name)):
            self._note(found.path, ChangeKind.MODIFIED)

    def _missing_in(self, found: Found, lower: MergedDirectory | None) -> None:
        if lower is None:
            return
        try:
            fd = os.open(found.name, _STEP, dir_fd=found.parent)
        except OSError:  # gone since, or replaced: the container goes on working
            return
        with opened(fd):
            self._missing(fd, found.path, lower)

    def _missing(self, fd: int, path: str, lower: MergedDirectory | None) -> None:
        """Note what was deleted without a mark: where the upper directory holds everything, or hides all below."""
        if lower is not None and (self._complete or is_opaque(fd)):
            for name in set(lower.names()) - set(os.listdir(fd)):
                self._note(f"{path}/{name}" if path else name, ChangeKind.DELETED)

    def _note(self, path: str, kind: ChangeKind) -> None:
        """Record a change; the directories above it count as modified, unless they are new themselves."""
        self.found[path] = kind
        parent = path.rpartition("/")[0]
        while parent and parent not in self.found:
            self.found[parent] = ChangeKind.MODIFIED
            parent = parent.rpartition("/")[0]


def _caps_differ(old: str, new: str) -> bool:
    return _capability(old) != _capability(new)


def _differs(old: os.stat_result, new: os.stat_result) -> bool:
    if (old.st_mode, old.st_uid, old.st_gid, old.st_rdev) != (new.st_mode, new.st_uid, new.st_gid, new.st_rdev):
        return True
    if stat.S_ISDIR(new.st_mode):
        return False
    return old.st_size != new.st_size or not _same_time(old.st_mtime_ns, new.st_mtime_ns)


def _same_time(a: int, b: int) -> bool:
    """Times are the same if one of them has no fraction and the seconds agree: some archive lost it."""
    return a == b or (a // 10**9 == b // 10**9 and (a % 10**9 == 0 or b % 10**9 == 0))


def _capability(path: str) -> bytes:
    try:
        return os.getxattr(path, "security.capability", follow_symlinks=False)
    except OSError:
        return b""


def usage(fd: int) -> int:
    """Return the bytes of all files below the directory `fd` that somebody made, each inode once. Blocks."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for found in walk(fd):
        status = found.status
        if found.is_dir or (status.st_dev, status.st_ino) in seen or is_mountpoint(found.path, status):
            continue
        if status.st_nlink > 1:
            seen.add((status.st_dev, status.st_ino))
        total += status.st_size
    return total
