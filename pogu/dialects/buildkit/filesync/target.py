"""The tree that a receiver makes: told entry by entry in order, it changes what differs and removes what is not told.

Everything happens relative to descriptors of directories and follows no symbolic link, so nothing outside the target
is touched whatever it holds and whatever is told. A file that changes is made anew, never written over: its old inode
may have other names. It gets its time of modification last, so a transfer that is broken off leaves nothing that a
later one would take for whole.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

from pogu.dialects.buildkit.messages.files import Stat
from pogu.engine.archive.go_modes import kernel_mode
from pogu.errors import InvalidArgument
from pogu.linux.paths import RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, attribute_path, open_in_root
from pogu.linux.trees import remove_tree

_CONFINED = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN = 32  # directories held open at a time
# Attributes that a client may set. Others change how the kernel treats a file here: `trusted.overlay.*` would lead a
# mount elsewhere, `security.selinux` and its like are labels of the client's own host.
_ATTRIBUTES = ("user.", "security.capability", "system.posix_acl_")


@dataclass(slots=True)
class _Level:
    """A directory whose entries are being told. `left` has the names that it held and that were not told yet."""

    path: str
    fd: int
    left: set[str] = field(default_factory=set)
    last: bytes = b""


class Target:
    """See the module. Everything blocks: use it in one thread at a time. `close` it in the end."""

    def __init__(self, root: int, *, merge: bool = False, owner: tuple[int, int] | None = None) -> None:
        """`root` is a directory's descriptor, which stays the caller's.

        With `merge` what is not told stays, too. `owner` (user and group) has everything, whatever is told.
        """
        self._root = root
        self._merge = merge
        self._owner = owner
        own = os.open(".", _DIRECTORY, dir_fd=root)
        self._levels = [_Level("", own, _names(own))]
        self._times: list[tuple[str, int]] = []  # of directories, to be set when nothing changes in them any more
        self._regular: set[str] = set()  # what hard links may lead to

    def close(self) -> None:
        """Give the descriptors back."""
        for level in self._levels:
            _close(level)
        self._levels.clear()

    def put(self, told: Stat) -> bool:
        """Make one entry as told, and return whether its content is wanted: then comes `open`, and `settle`.

        Raises:
            InvalidArgument: it cannot be told at this place, or cannot exist.
            OSError: as the kernel says.
        """
        if self._owner is not None:
            told.uid, told.gid = self._owner
        level, name = self._enter(told.path)
        mode = kernel_mode(told.mode)
        there = self._existing(level, name)
        level.left.discard(name)
        if stat.S_ISDIR(mode):
            self._put_directory(level, name, told, mode, there)
            return False
        if stat.S_ISREG(mode) and told.linkname:
            self._put_link(level, name, told, there)
            return False
        if stat.S_ISREG(mode):
            self._regular.add(told.path)
        if there is not None:
            if self._unchanged(level, name, told, mode, there):
                return False
            remove_tree(level.fd, name)
        return self._make(level, name, told, mode)

    def finish_entries(self) -> None:
        """All has been told: remove what was not."""
        while self._levels:
            self._leave()

    def open(self, path: str) -> int:
        """Open the new file of that path for writing."""
        return open_in_root(self._root, path, os.O_WRONLY | os.O_NOFOLLOW, resolve=_CONFINED)

    def settle(self, fd: int, told: Stat) -> None:
        """Give a file whose content is whole its owner, mode, attributes and times."""
        _dress(fd, told, kernel_mode(told.mode))
        os.utime(fd, ns=(told.modified, told.modified))

    def finish(self) -> None:
        """All content is there: give the directories their times."""
        for path, modified in reversed(self._times):
            fd = open_in_root(self._root, path, _DIRECTORY, resolve=_CONFINED)
            try:
                if os.fstat(fd).st_mtime_ns != modified:
                    os.utime(fd, ns=(modified, modified))
            finally:
                os.close(fd)

    # --- places ---

    def _enter(self, path: str) -> tuple[_Level, str]:
        """Return the directory that a path is in, which must be the last told or one above it, and its name there."""
        parent, _, name = path.rpartition("/")
        if name in ("", ".", "..") or "\0" in path or (not parent and path.startswith("/")):
            raise InvalidArgument(f"the path {path!r} cannot be in a tree")
        while self._levels and self._levels[-1].path != parent:
            self._leave()
        if not self._levels:
            raise InvalidArgument(f"changes out of order: {path!r}")
        level = self._levels[-1]
        raw = os.fsencode(name)
        if raw <= level.last:
            raise InvalidArgument(f"changes out of order: {path!r}")
        level.last = raw
        if level.fd < 0:
            level.fd = open_in_root(self._root, level.path or ".", _DIRECTORY, resolve=_CONFINED)
        return level, name

    def _leave(self) -> None:
        level = self._levels.pop()
        if self._merge:
            level.left.clear()
        try:
            if level.left and level.fd < 0:
                level.fd = open_in_root(self._root, level.path or ".", _DIRECTORY, resolve=_CONFINED)
            for name in level.left:
                remove_tree(level.fd, name)
        finally:
            _close(level)

    def _existing(self, level: _Level, name: str) -> os.stat_result | None:
        if name not in level.left:
            return None
        try:
            return os.stat(name, dir_fd=level.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    # --- things ---

    def _put_directory(self, level: _Level, name: str, told: Stat, mode: int, there: os.stat_result | None) -> None:
        if there is not None and not stat.S_ISDIR(there.st_mode):
            remove_tree(level.fd, name)
            there = None
        if there is None:
            os.mkdir(name, 0o700, dir_fd=level.fd)
        fd = os.open(name, _DIRECTORY, dir_fd=level.fd)
        below = _Level(told.path, fd, set() if there is None else _names(fd))
        self._levels.append(below)
        if len(self._levels) > _OPEN:
            _close(self._levels[-_OPEN - 1])
        _dress(fd, told, mode, there)
        self._times.append((told.path, told.modified))

    def _put_link(self, level: _Level, name: str, told: Stat, there: os.stat_result | None) -> None:
        if told.linkname not in self._regular:
            raise InvalidArgument(f"{told.path!r} is a link to {told.linkname!r}, which has not come before it")
        fd = open_in_root(self._root, told.linkname, os.O_PATH | os.O_NOFOLLOW, resolve=_CONFINED)
        try:
            if there is not None:
                status = os.fstat(fd)
                if (there.st_dev, there.st_ino) == (status.st_dev, status.st_ino):
                    return
                remove_tree(level.fd, name)
            os.link(attribute_path(fd), name, dst_dir_fd=level.fd, follow_symlinks=True)
        finally:
            os.close(fd)

    def _make(self, level: _Level, name: str, told: Stat, mode: int) -> bool:
        if stat.S_ISREG(mode):
            fd = os.open(name, _NEW, 0o600, dir_fd=level.fd)
            try:
                if told.size == 0:
                    self.settle(fd, told)
            finally:
                os.close(fd)
            return told.size != 0
        if stat.S_ISLNK(mode):
            os.symlink(told.linkname, name, dir_fd=level.fd)
        elif stat.S_ISSOCK(mode) or not mode:
            return False  # a socket is nothing without the process behind it
        else:
            os.mknod(name, stat.S_IFMT(mode) | 0o600, os.makedev(told.devmajor, told.devminor), dir_fd=level.fd)
        os.chown(name, told.uid, told.gid, dir_fd=level.fd, follow_symlinks=False)
        if not stat.S_ISLNK(mode):
            os.chmod(name, stat.S_IMODE(mode), dir_fd=level.fd)
        os.utime(name, ns=(told.modified, told.modified), dir_fd=level.fd, follow_symlinks=False)
        return False

    def _unchanged(self, level: _Level, name: str, told: Stat, mode: int, there: os.stat_result) -> bool:
        if there.st_mode != mode and not stat.S_ISLNK(mode):
            return False
        if (stat.S_IFMT(there.st_mode), there.st_uid, there.st_gid, there.st_mtime_ns) != (
            stat.S_IFMT(mode), told.uid, told.gid, told.modified,
        ):  # fmt: skip
            return False
        if stat.S_ISREG(mode):
            return there.st_size == told.size and _attributes(attribute_path(level.fd, name)) == _wanted(told)
        if stat.S_ISLNK(mode):
            return os.readlink(name, dir_fd=level.fd) == told.linkname
        return stat.S_ISFIFO(mode) or there.st_rdev == os.makedev(told.devmajor, told.devminor)


def _names(directory: int) -> set[str]:
    return set(os.listdir(directory))


def _dress(fd: int, told: Stat, mode: int, there: os.stat_result | None = None) -> None:
    """Set owner, mode and attributes; `there` is what an older directory has of them already."""
    if there is None or (there.st_uid, there.st_gid) != (told.uid, told.gid):
        os.fchown(fd, told.uid, told.gid)
        there = None  # a change of owner takes setuid and setgid away
    if there is None or stat.S_IMODE(there.st_mode) != stat.S_IMODE(mode):
        os.fchmod(fd, stat.S_IMODE(mode))
    wanted = _wanted(told)
    have = _attributes(fd) if there is not None else {}
    for name, value in wanted.items():
        if have.get(name) != value:
            _set_attribute(fd, name, value)
    for name in have.keys() - wanted.keys():
        os.removexattr(fd, name)


def _set_attribute(fd: int, name: str, value: bytes) -> None:
    try:
        os.setxattr(fd, name, value)
    except OSError:
        pass  # what this file system, or this attribute on this kind of thing, does not allow is left out


def _wanted(told: Stat) -> dict[str, bytes]:
    return {name: value for name, value in told.xattrs.items() if name.startswith(_ATTRIBUTES)}


def _attributes(file: int | str) -> dict[str, bytes]:
    try:
        names = os.listxattr(file) if isinstance(file, int) else os.listxattr(file, follow_symlinks=False)
        return {name: os.getxattr(file, name) for name in names if name.startswith(_ATTRIBUTES)}
    except OSError:
        return {}


def _close(level: _Level) -> None:
    if level.fd >= 0:
        os.close(level.fd)
        level.fd = -1
