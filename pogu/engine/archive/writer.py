"""Writing a tar stream: entries from memory or from open directories, never following a symlink."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import replace

from pogu.engine.archive.directories import OPAQUE, is_whiteout
from pogu.engine.archive.header import (
    BLOCK,
    BLOCK_DEVICE,
    CHAR,
    DIRECTORY,
    FIFO,
    HARDLINK,
    REGULAR,
    SYMLINK,
    Entry,
    build,
    padding,
)
from pogu.engine.archive.streams import CHUNK
from pogu.errors import PoguError
from pogu.linux.filesystems import is_kernel_interface
from pogu.linux.paths import attribute_path, opened
from pogu.linux.trees import walk

_TYPES = {
    stat.S_IFREG: REGULAR,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFCHR: CHAR,
    stat.S_IFBLK: BLOCK_DEVICE,
    stat.S_IFIFO: FIFO,
}  # sockets are left out, as everywhere: they mean nothing without their process
_KEPT_XATTRS = ("user.", "security.capability", "system.posix_acl_")
_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TarWriter:
    """Writes entries to `emit`, in pieces of about 256 KiB. Blocks, so it is for threads.

    Files that change while they are read are cut or filled with zeros to the length they had; files that vanish are
    left out. What is mounted of the kernel's own (/proc, /sys …) is an empty directory, unless the tree to be written
    begins inside it: reading all of that would do things to the machine. Times are whole seconds, as Docker writes
    them. With `whiteouts`, overlayfs' marks of deleted names and opaque directories become `.wh.` entries.
    """

    def __init__(self, emit: Callable[[bytes], None], *, whiteouts: bool = False) -> None:
        self._emit = emit
        self._whiteouts = whiteouts
        self._waiting = bytearray()
        self._seen: dict[tuple[int, int], str] = {}

    def add(self, entry: Entry, content: bytes = b"") -> None:
        """Write an entry whose `size` is that of `content`."""
        self._put(build(entry))
        self._put(content)
        self._put(bytes(padding(len(content))))

    def add_path(self, parent: int, name: str, archived: str) -> None:
        """Write one file, directory (without its content), symlink … found as `name` in the directory `parent`."""
        try:
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            self._add(parent, name, archived, status)
        except (FileNotFoundError, ProcessLookupError):  # ESRCH: below /proc of a process that ended
            pass

    def add_tree(self, parent: int, name: str, archived: str) -> None:
        """Write `name` and all below it; the members' names begin with `archived` ("" leaves a directory's own out)."""
        try:
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if archived or not stat.S_ISDIR(status.st_mode):
                self._add(parent, name, archived, status)
            if stat.S_ISDIR(status.st_mode) and not _enters_kernel(parent, name, status):
                with opened(os.open(name, _STEP, dir_fd=parent)) as fd:
                    self.add_children(fd, archived)
        except (FileNotFoundError, ProcessLookupError):  # ESRCH: below /proc of a process that ended
            pass

    def add_children(self, fd: int, archived: str) -> None:
        """Write all that is in a directory, but not the directory itself."""
        prefix = f"{archived.rstrip('/')}/" if archived else ""
        for found in walk(fd):
            try:
                found.enter = found.is_dir and not _enters_kernel(found.parent, found.name, found.status)
                self._add(found.parent, found.name, prefix + found.path, found.status)
            except (FileNotFoundError, ProcessLookupError):  # ESRCH: below /proc of a process that ended
                continue

    def finish(self) -> None:
        """Write the end mark."""
        self._put(bytes(2 * BLOCK))
        if self._waiting:
            self._emit(bytes(self._waiting))
            self._waiting.clear()

    def _add(self, parent: int, name: str, archived: str, status: os.stat_result) -> None:
        kind = _TYPES.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return
        if self._whiteouts and is_whiteout(status):
            head, slash, last = archived.rpartition("/")
            self.add(Entry(f"{head}{slash}.wh.{last}", mode=0o600, mtime_ns=_seconds(status)))
            return
        entry = describe(archived, kind, status)
        if kind == REGULAR:
            self._add_file(parent, name, entry, status)
            return
        if kind == SYMLINK:
            entry.link = os.readlink(name, dir_fd=parent)
        if kind != DIRECTORY and self._linked(entry, status):
            return
        path = attribute_path(parent, name)
        entry.xattrs = xattrs(path)
        self.add(entry)
        if kind == DIRECTORY and self._whiteouts and is_opaque(path):
            self.add(Entry(f"{entry.name}.wh..wh..opq", mode=entry.mode, mtime_ns=entry.mtime_ns))

    def _add_file(self, parent: int, name: str, entry: Entry, status: os.stat_result) -> None:
        if self._linked(entry, status):
            return
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            fd = os.open(name, flags, dir_fd=parent)
        except OSError as e:
            if e.errno in (errno.ELOOP, errno.ENXIO):  # replaced by something else since we looked
                return
            if status.st_blocks == 0:  # made up by the kernel: some of /proc and /sys can only be written
                self.add(replace(entry, size=0))
                return
            raise _unreadable(entry, e) from None
        with opened(fd):
            now = os.fstat(fd)
            if not stat.S_ISREG(now.st_mode):
                return
            entry.size = now.st_size
            entry.xattrs = xattrs(fd)
            if now.st_blocks == 0 and now.st_size <= CHUNK:
                self._add_made_up(fd, entry)
                return
            self._put(build(entry))
            try:
                self._copy(fd, entry.size)
            except OSError as e:
                raise _unreadable(entry, e) from None

    def _add_made_up(self, fd: int, entry: Entry) -> None:
        """Write a file without blocks: what it says of its size may not be true (sysfs), and reading it may fail."""
        try:
            data = _read_up_to(fd, entry.size)
        except OSError:
            data = b""
        entry.size = len(data)
        self._put(build(entry))
        self._put(data + bytes(padding(len(data))))

    def _linked(self, entry: Entry, status: os.stat_result) -> bool:
        """Write a hard link if the file was written under another name before."""
        if status.st_nlink < 2:
            return False
        first = self._seen.setdefault((status.st_dev, status.st_ino), entry.name)
        if first == entry.name:
            return False
        entry.type, entry.link, entry.size = HARDLINK, first, 0
        self.add(entry)
        return True

    def _copy(self, fd: int, size: int) -> None:
        left = size
        while left:
            piece = os.read(fd, min(left, CHUNK))
            if not piece:  # it was shortened
                self._put(bytes(min(left, CHUNK)))
                left -= min(left, CHUNK)
                continue
            self._put(piece)
            left -= len(piece)
        self._put(bytes(padding(size)))

    def _put(self, data: bytes) -> None:
        if len(data) >= CHUNK // 2:
            if self._waiting:
                self._emit(bytes(self._waiting))
                self._waiting.clear()
            self._emit(data)
            return
        self._waiting += data
        if len(self._waiting) >= CHUNK:
            self._emit(bytes(self._waiting))
            self._waiting.clear()


def _enters_kernel(parent: int, name: str, status: os.stat_result) -> bool:
    """Say whether a directory is where an interface of the kernel is mounted. Raises OSError."""
    if status.st_dev == os.fstat(parent).st_dev:
        return False
    with opened(os.open(name, _STEP, dir_fd=parent)) as fd:
        return is_kernel_interface(fd)


def _read_up_to(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := os.read(fd, size - len(data))):
        data += piece
    return data


def _unreadable(entry: Entry, error: OSError) -> PoguError:
    return PoguError(f"cannot archive {entry.name}: {os.strerror(error.errno or 0)}")


def describe(archived: str, kind: bytes, status: os.stat_result) -> Entry:
    """Return the entry for a file of this type and status, without link target and xattrs."""
    device = kind in (CHAR, BLOCK_DEVICE)
    return Entry(
        name=f"{archived.rstrip('/')}/" if kind == DIRECTORY else archived,
        type=kind,
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        gid=status.st_gid,
        size=status.st_size if kind == REGULAR else 0,
        mtime_ns=_seconds(status),
        major=os.major(status.st_rdev) if device else 0,
        minor=os.minor(status.st_rdev) if device else 0,
    )


def xattrs(target: str | int) -> dict[str, bytes]:
    """Return the extended attributes that belong in an archive: users', capabilities and access control lists."""
    found = {}
    try:
        names = _listxattr(target)
        for name in names:
            if name.startswith(_KEPT_XATTRS) and not name.startswith("user.overlay."):
                found[name] = _getxattr(target, name)
    except OSError as e:  # none here (proc, old network file systems), or gone since
        if e.errno not in (errno.ENOTSUP, errno.ENODATA, errno.ENOENT, errno.EPERM):
            raise
    return found


def _listxattr(target: str | int) -> list[str]:
    return os.listxattr(target) if isinstance(target, int) else os.listxattr(target, follow_symlinks=False)


def _getxattr(target: str | int, name: str) -> bytes:
    if isinstance(target, int):
        return os.getxattr(target, name)
    return os.getxattr(target, name, follow_symlinks=False)


def is_opaque(directory: str | int) -> bool:
    """Say whether a directory (a path, not followed, or a descriptor) carries overlayfs' opaque mark."""
    try:
        return _getxattr(directory, OPAQUE) == b"y"
    except OSError:
        return False


def _seconds(status: os.stat_result) -> int:
    return status.st_mtime_ns // 10**9 * 10**9
