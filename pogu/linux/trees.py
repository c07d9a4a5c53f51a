"""Walking and removing whole trees through descriptors.

A container can make trees of any depth, and change them while we look. So nothing here recurses, holds more than a few
descriptors open, follows a symlink, or (when removing) crosses a mount point.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from pogu.linux.paths import (
    RESOLVE_BENEATH,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
    open_in_root,
)

_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN = 32  # directories held open at a time
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ESRCH)


@dataclass(slots=True)
class Found:
    """One thing in a tree: `name` in the directory `parent` (a descriptor, valid until the next), `path` from the root.

    Whoever walks may set `enter` to False for a directory that is not to be walked into.
    """

    parent: int
    name: str
    path: str
    status: os.stat_result
    enter: bool = True

    @property
    def is_dir(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)


@dataclass(slots=True)
class _Level:
    path: str
    fd: int
    names: list[str]  # still to be visited, the next one last


def walk(root: int) -> Iterator[Found]:
    """Yield all that is below the directory `root`, depth first and sorted, a directory before its content.

    What vanishes while the walk is under way is left out, and so is what lies deeper than a path can say (PATH_MAX).
    `root` must stay open meanwhile.
    """
    levels = [_Level("", os.open(".", _STEP, dir_fd=root), [])]
    levels[0].names = _listed(levels[0].fd)
    try:
        while levels:
            level = levels[-1]
            if not level.names or not _reopened(root, level):
                levels.pop()
                _close(level)
                continue
            found = _look(level, level.names.pop())
            if found is None:
                continue
            yield found
            if found.enter and found.is_dir:
                _enter(levels, found)
    finally:
        for level in levels:
            _close(level)


def _listed(fd: int) -> list[str]:
    return sorted(os.listdir(fd), reverse=True)


def _look(level: _Level, name: str) -> Found | None:
    try:
        status = os.stat(name, dir_fd=level.fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return Found(level.fd, name, f"{level.path}/{name}" if level.path else name, status)


def _enter(levels: list[_Level], found: Found) -> None:
    try:
        fd = os.open(found.name, _STEP, dir_fd=found.parent)
    except OSError as e:
        if e.errno in _GONE:  # replaced since we looked
            return
        raise
    levels.append(_Level(found.path, fd, _listed(fd)))
    if len(levels) > _OPEN:
        _close(levels[-_OPEN - 1])


def _reopened(root: int, level: _Level) -> bool:
    """Open the directory of a level again if it had to be closed; False if it cannot be found any more."""
    if level.fd >= 0:
        return True
    try:
        level.fd = open_in_root(root, level.path, _STEP, resolve=RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)
    except OSError as e:
        if e.errno in _GONE:
            return False
        raise
    return True


def _close(level: _Level) -> None:
    if level.fd >= 0:
        os.close(level.fd)
        level.fd = -1


def remove_tree(fd: int, name: str) -> None:
    """Remove `name` below the directory `fd`, whatever it is, with all below it; nothing happens if it is not there.

    Raises:
        OSError: EXDEV, where something is mounted in it (what was visited before is gone); else as unlink(2).
    """
    try:
        os.unlink(name, dir_fd=fd)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        if not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
            raise
        doomed = [name]
        while doomed:
            doomed += _remove_directory(fd, doomed.pop())


@dataclass(slots=True)
class _Doomed:
    name: str
    fd: int
    directories: list[str] = field(default_factory=list)


def _remove_directory(top: int, name: str) -> list[str]:
    """Remove a directory; what lies deep in it is moved up to `top`, and the new names are returned."""
    moved: list[str] = []
    levels: list[_Doomed] = []
    try:
        levels.append(_strip(top, name))
        while levels:
            level = levels[-1]
            if level.directories:
                below = level.directories.pop()
                if len(levels) < _OPEN or not (up := _moved_up(level.fd, below, top)):
                    levels.append(_strip(level.fd, below))
                else:
                    moved.append(up)
                continue
            levels.pop()
            os.close(level.fd)
            os.rmdir(level.name, dir_fd=levels[-1].fd if levels else top)
    finally:
        for level in levels:
            os.close(level.fd)
    return moved


def _strip(parent: int, name: str) -> _Doomed:
    """Open a directory and remove everything in it but directories."""
    resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV
    level = _Doomed(name, open_in_root(parent, name, _STEP, resolve=resolve))
    try:
        with os.scandir(level.fd) as entries:
            listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for child, is_dir in listed:
            if is_dir:
                level.directories.append(child)
            else:
                os.unlink(child, dir_fd=level.fd)
    except BaseException:
        os.close(level.fd)
        raise
    return level


def _moved_up(parent: int, name: str, top: int) -> str | None:
    """Move a directory up to `top` under a new name; None where that cannot be (overlayfs, a directory from below)."""
    new = f".removed-{secrets.token_hex(8)}"
    try:
        os.rename(name, new, src_dir_fd=parent, dst_dir_fd=top)
    except OSError as e:
        if e.errno == errno.EXDEV:
            return None
        raise
    return new
