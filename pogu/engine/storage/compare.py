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
from pogu.linux.paths import attribute_path, opened

_Child = tuple[os.stat_result, str, MergedDirectory | None]
_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def changes(upper: int, lower: MergedDirectory | None, *, complete: bool) -> list[Change]:
    """Return the changes of the directory `upper` (a descriptor) against `lower`, sorted by path. Blocks.

    `complete` says that `upper` holds everything (vfs), so that what is missing was deleted; otherwise it is the upper
    directory of an overlay, with whiteouts and opaque directories.
    """
    comparison = _Comparison(complete)
    comparison.directory(upper, lower, "")
    return sorted(comparison.found)


class _Comparison:
    def __init__(self, complete: bool) -> None:
        self._complete = complete
        self.found: list[Change] = []

    def directory(self, upper: int, lower: MergedDirectory | None, path: str) -> None:
        """Note what changed below `path`, but not whether `path` itself did."""
        names = os.listdir(upper)
        for name in names:
            try:
                self._child(upper, name, f"{path}/{name}", lower.child(name) if lower is not None else None)
            except (FileNotFoundError, NotADirectoryError):  # the container goes on working
                continue
        if lower is not None and (self._complete or is_opaque(upper)):
            for name in set(lower.names()) - set(names):
                self._note(f"{path}/{name}", ChangeKind.DELETED)

    def _child(self, upper: int, name: str, path: str, old: _Child | None) -> None:
        status = os.stat(name, dir_fd=upper, follow_symlinks=False)
        if not self._complete and is_whiteout(status):
            if old is not None:
                self._note(path, ChangeKind.DELETED)
            return
        before = len(self.found)
        if stat.S_ISDIR(status.st_mode):
            with opened(os.open(name, _STEP, dir_fd=upper)) as fd:
                self.directory(fd, old[2] if old else None, path)
        if old is None:
            self._note(path, ChangeKind.ADDED)
        elif len(self.found) > before or _differs(old[0], status) or _caps_differ(old[1], attribute_path(upper, name)):
            self._note(path, ChangeKind.MODIFIED)

    def _note(self, path: str, kind: ChangeKind) -> None:
        self.found.append(Change(path, kind))


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
    """Return the bytes of all files below the directory `fd`, each inode once. Blocks."""
    seen: set[tuple[int, int]] = set()
    return _usage(fd, seen)


def _usage(fd: int, seen: set[tuple[int, int]]) -> int:
    total = 0
    with os.scandir(fd) as entries:
        for entry in entries:
            try:
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    with opened(os.open(entry.name, _STEP, dir_fd=fd)) as inner:
                        total += _usage(inner, seen)
                    continue
            except OSError:  # gone since, or replaced
                continue
            if status.st_nlink > 1:
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
            total += status.st_size
    return total
