"""Unpacking archives into a directory, which nothing in them can leave.

Parents are opened with RESOLVE_IN_ROOT; the last component is made anew (O_EXCL) after what was there has been
removed, never opened through; owners, modes and attributes are set through descriptors, so that a process that
changes the tree meanwhile cannot turn them elsewhere either.
"""

from __future__ import annotations

import enum
import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from pogu.engine.archive.directories import Directories, Lower, is_whiteout
from pogu.engine.archive.header import BLOCK_DEVICE, CHAR, DIRECTORY, FIFO, HARDLINK, REGULAR, SYMLINK, Entry
from pogu.engine.archive.reader import TarReader
from pogu.engine.archive.streams import Readable
from pogu.engine.archive.whiteouts import WHITEOUT, OverlayMarks, Removals
from pogu.errors import InvalidArgument, PoguError
from pogu.linux.filesystems import is_kernel_interface
from pogu.linux.paths import attribute_path, opened
from pogu.linux.trees import remove_tree

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SPECIAL = {CHAR: stat.S_IFCHR, BLOCK_DEVICE: stat.S_IFBLK, FIFO: stat.S_IFIFO}
_OURS = ("trusted.overlay.", "user.overlay.")  # overlayfs' own marks must not come from an archive
_ARCHIVES_FAULT = frozenset(
    (
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.EINVAL,
        errno.EEXIST,
        errno.ENOENT,
        errno.EXDEV,
        errno.EFBIG,
        errno.EPERM,
        errno.EROFS,
        errno.EMLINK,
        errno.EOVERFLOW,
    )
)


class Whiteouts(enum.Enum):
    """What `.wh.` entries become: files like others, overlayfs' own marks, or a removal at once."""

    KEEP = enum.auto()
    OVERLAY = enum.auto()
    DELETE = enum.auto()


@dataclass(frozen=True, slots=True)
class ExtractOptions:
    """How to unpack.

    `owner` (uid, gid) replaces every owner in the archive. `keep_kind` refuses to replace a directory with anything
    else or the other way round. `root_metadata` lets an entry `./` set the root's own owner, mode and times.
    `destination` names the root in messages.
    """

    whiteouts: Whiteouts = Whiteouts.KEEP
    owner: tuple[int, int] | None = None
    keep_kind: bool = False
    root_metadata: bool = False
    lower: Lower | None = None
    destination: str = "/"


def extract(source: Readable, root_fd: int, options: ExtractOptions | None = None) -> int:
    """Unpack the uncompressed archive `source` into `root_fd` and return the bytes that its files take.

    As in Docker a symbolic link takes those of its target.

    Blocks, so it is for threads. The source is read to its end, also behind the archive. What was unpacked before an
    error stays.

    Raises:
        InvalidArgument: not a tar archive, or an entry that cannot be made as it stands.
        PoguError: the file system refuses (full, read error).
    """
    reader = TarReader(source)
    size = 0
    with Extractor(root_fd, options or ExtractOptions()) as extractor:
        for entry in reader:
            size += len(os.fsencode(entry.link)) if entry.type == SYMLINK else entry.size
            extractor.add(entry, reader)
        extractor.finish()
    reader.drain()
    return size


def clean(name: str) -> str:
    """Return an archive's name as a path below the root: `/a/./b`, `../a//b` and `x/../a/b` are `a/b`."""
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


class Extractor:
    """One extraction; `add` entries in the archive's order, then `finish`."""

    def __init__(self, root_fd: int, options: ExtractOptions) -> None:
        self._options = options
        overlay = options.whiteouts is Whiteouts.OVERLAY
        self._dirs = Directories(root_fd, options.lower, options.owner, overlay=overlay)
        self._whiteouts: OverlayMarks | Removals | None = None
        if overlay:
            self._whiteouts = OverlayMarks(self._dirs, options.lower)
        elif options.whiteouts is Whiteouts.DELETE:
            self._whiteouts = Removals(self._dirs)
        self._times: dict[str, int] = {}  # directories' times, set when nothing changes them any more

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._dirs.close()

    def continue_from(self, other: Extractor) -> None:
        """Go on with an extraction whose directory has been copied to this one's."""
        self._times = dict(other._times)
        self._dirs.implied.update(other._dirs.implied)

    def add(self, entry: Entry, reader: TarReader) -> None:
        """Make one entry, the one that `reader` is at. Raises as `extract`."""
        path = clean(entry.name)
        try:
            self._add(entry, path, reader)
        except OSError as e:
            raise _explained(e, entry) from e

    def _add(self, entry: Entry, path: str, reader: TarReader) -> None:
        if not path:
            if entry.is_dir and self._options.root_metadata:
                self._finish_directory(entry, os.dup(self._dirs.root), "", new=False)
            return
        parent_path, _, name = path.rpartition("/")
        parent = self._dirs.get(parent_path)
        if self._whiteouts is not None:
            if name.startswith(WHITEOUT):
                self._whiteouts.apply(parent_path, name)
                return
            self._whiteouts.note(path)
        if entry.type == REGULAR:
            self._file(entry, parent, name, reader)
        elif entry.type == DIRECTORY:
            self._directory(entry, parent, name, path)
        elif entry.type == SYMLINK:
            self._symlink(entry, parent, name)
        elif entry.type == HARDLINK:
            self._hardlink(entry, parent, name, path)
        elif entry.type in _SPECIAL:
            self._special(entry, parent, name)
        else:
            raise InvalidArgument(f"unhandled tar header type {entry.type[0]} of {entry.name}")

    def finish(self) -> None:
        """Set the times of directories."""
        self._times = {path: e.mtime_ns for path, e in self._dirs.implied.items()} | self._times
        for path, mtime in self._times.items():
            try:
                fd = self._dirs.get(path, make=False)
            except OSError:  # a later entry took its place
                continue
            os.utime(fd, ns=(mtime, mtime))

    # kinds of entries

    def _file(self, entry: Entry, parent: int, name: str, reader: TarReader) -> None:
        try:
            fd = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
        except FileExistsError:
            self._clear(entry, parent, name)
            fd = os.open(name, _NEW_FILE, 0o600, dir_fd=parent)
        try:
            if entry.extents is None:
                reader.copy_to(fd)
            else:
                _write_sparse(fd, entry, reader.content())
            self._own(entry, fd)
            os.fchmod(fd, entry.mode & 0o7777)
            _set_xattrs(entry, attribute_path(fd))
            os.utime(fd, ns=_times(entry))
        finally:
            os.close(fd)

    def _directory(self, entry: Entry, parent: int, name: str, path: str) -> None:
        opaque, new = False, True
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            new = not stat.S_ISDIR(status.st_mode)
            if new:
                opaque = is_whiteout(status)
                self._clear(entry, parent, name)
                os.mkdir(name, 0o700, dir_fd=parent)
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        if opaque and isinstance(self._whiteouts, OverlayMarks):
            self._whiteouts.make_opaque(path, fd)
        self._finish_directory(entry, fd, path, new=new)

    def _finish_directory(self, entry: Entry, fd: int, path: str, *, new: bool) -> None:
        """Set a directory's metadata and keep its descriptor: its children come next.

        What the kernel mounted there (a running container's /sys) keeps its own.
        """
        try:
            if new or not is_kernel_interface(fd):  # nothing can be mounted on what was just made
                self._own(entry, fd)
                os.fchmod(fd, entry.mode & 0o7777)
                _set_xattrs(entry, attribute_path(fd))
                self._times[path] = _bounded(entry.mtime_ns)
        except BaseException:
            os.close(fd)
            raise
        if path:
            self._dirs.keep(path, fd)
        else:
            os.close(fd)

    def _symlink(self, entry: Entry, parent: int, name: str) -> None:
        try:
            os.symlink(entry.link, name, dir_fd=parent)
        except FileExistsError:
            self._clear(entry, parent, name)
            os.symlink(entry.link, name, dir_fd=parent)
        uid, gid = self._options.owner or (entry.uid, entry.gid)
        os.chown(name, uid, gid, dir_fd=parent, follow_symlinks=False)
        _set_xattrs(entry, attribute_path(parent, name))
        os.utime(name, ns=_times(entry), dir_fd=parent, follow_symlinks=False)

    def _hardlink(self, entry: Entry, parent: int, name: str, path: str) -> None:
        """Link to a file unpacked before. Owner and mode are the file's: a link has none of its own."""
        target = clean(entry.link)
        if not target:
            raise InvalidArgument(f"invalid hardlink {entry.name} to {entry.link!r}")
        if target == path:
            return
        target_parent, _, target_name = target.rpartition("/")
        source = os.dup(self._dirs.get(target_parent, make=False))
        with opened(source):
            parent = self._dirs.get(path.rpartition("/")[0])  # the lookup above may have dropped it
            try:
                os.link(target_name, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
            except FileExistsError:
                if _same(target_name, source, name, parent):
                    return
                os.stat(target_name, dir_fd=source, follow_symlinks=False)  # before anything is removed for it
                self._clear(entry, parent, name)
                os.link(target_name, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)

    def _special(self, entry: Entry, parent: int, name: str) -> None:
        kind = _SPECIAL[entry.type]
        device = 0 if entry.type == FIFO else os.makedev(entry.major, entry.minor)
        try:
            os.mknod(name, kind | 0o600, device, dir_fd=parent)
        except FileExistsError:
            self._clear(entry, parent, name)
            os.mknod(name, kind | 0o600, device, dir_fd=parent)
        with opened(os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)) as fd:
            if stat.S_IFMT(os.fstat(fd).st_mode) != kind:
                raise OSError(errno.EEXIST, "was replaced while it was made", name)
            path = attribute_path(fd)  # leads to this very file, whatever `name` is now
            uid, gid = self._options.owner or (entry.uid, entry.gid)
            os.chown(path, uid, gid)
            os.chmod(path, entry.mode & 0o7777)  # noqa: PTH101 # a path of ours, not a Path
            _set_xattrs(entry, path)
            os.utime(path, ns=_times(entry))

    # shared steps

    def _own(self, entry: Entry, fd: int) -> None:
        uid, gid = self._options.owner or (entry.uid, entry.gid)
        os.fchown(fd, uid, gid)  # before chmod, which it would undo (setuid), and before capabilities

    def _clear(self, entry: Entry, parent: int, name: str) -> None:
        """Remove what stands where `entry` goes. `parent` stays valid."""
        is_dir = stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
        if self._options.keep_kind and is_dir != entry.is_dir:
            there, new = ("directory", "non-directory") if is_dir else ("non-directory", "directory")
            raise InvalidArgument(
                f'cannot overwrite {there} "{clean(entry.name)}" with {new} "{self._options.destination}"'
            )
        remove_tree(parent, name)
        self._dirs.forget(but=parent)  # a path may lead elsewhere now


def _write_sparse(fd: int, entry: Entry, content: Iterable[memoryview]) -> None:
    extents = iter(entry.extents or ())
    offset = left = 0
    for piece in content:
        rest = piece
        while rest:
            while not left:
                offset, left = next(extents)
            step = os.pwrite(fd, rest[:left], offset)
            offset, left, rest = offset + step, left - step, rest[step:]
    os.ftruncate(fd, entry.size)


def _set_xattrs(entry: Entry, path: str) -> None:
    for name, value in entry.xattrs.items():
        if name.startswith(_OURS):
            continue
        try:
            os.setxattr(path, name, value, follow_symlinks=entry.type != SYMLINK)
        except OSError as e:  # as Docker: what the file system or its type cannot hold is left out
            if e.errno not in (errno.ENOTSUP, errno.EPERM):
                raise


def _times(entry: Entry) -> tuple[int, int]:
    """Access and modification time; the first is no earlier than the second, as Docker has it."""
    mtime = _bounded(entry.mtime_ns)
    return max(_bounded(entry.atime_ns or 0), mtime), mtime


def _bounded(ns: int) -> int:
    """Times that no file system holds become the epoch."""
    return ns if 0 <= ns < 1 << 63 else 0


def _same(a: str, a_dir: int, b: str, b_dir: int) -> bool:
    left = os.stat(a, dir_fd=a_dir, follow_symlinks=False)
    right = os.stat(b, dir_fd=b_dir, follow_symlinks=False)
    return os.path.samestat(left, right)


def _explained(error: OSError, entry: Entry) -> PoguError:
    text = f"cannot unpack {entry.name}: {error.strerror or error}"
    return InvalidArgument(text) if error.errno in _ARCHIVES_FAULT else PoguError(text)
