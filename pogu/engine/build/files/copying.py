"""Copying what COPY and ADD name into the root of an image.

The rules are those of the Dockerfile reference ("COPY", "ADD") and, where it is silent, of BuildKit: a directory gives
its content, a link given as a source is followed, links inside a directory stay links, hard links stay together.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from pogu.engine.archive.clone import copy_content, copy_xattrs
from pogu.engine.build.files.modes import Mode
from pogu.engine.build.files.selection import is_directory
from pogu.errors import InvalidArgument, PoguError
from pogu.linux.paths import attribute_path, make_directories, open_directory, open_in_root, opened
from pogu.linux.trees import Found, walk

_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_MAX_LINKS = 40  # as the kernel's

Excluded = Callable[[str], bool]
"""Tells whether a path below the source's root stays out."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What copied files get in place of their own; None leaves it. `mtime` is nanoseconds since 1970."""

    owner: tuple[int, int] | None = None
    mode: Mode | None = None
    mtime: int | None = None


class Copier:
    """Copies from one root to another, both descriptors; keeps track of hard links meanwhile."""

    def __init__(self, source: int, target: int, attributes: Attributes, excluded: Excluded | None = None) -> None:
        self._source = source
        self._target = target
        self._attributes = attributes
        self._excluded = excluded or (lambda path: False)
        self._seen: dict[tuple[int, int], str] = {}

    def copy(self, path: str, destination: str, *, itself: bool = False) -> None:
        """Copy a file to the path `destination`, or what is in a directory into the directory `destination`.

        A `destination` that is a link to a file is followed. A directory that has to be made for what is in another is
        a new one, unless the other `itself` is meant: then it gets that one's attributes.

        Raises:
            InvalidArgument: a directory stands where a file is to go, or the other way round.
            PoguError: the file system refuses.
        """
        try:
            with opened(open_in_root(self._source, path or "/", os.O_PATH)) as fd:
                status = os.fstat(fd)
                if stat.S_ISDIR(status.st_mode):
                    self._tree(fd, path, destination, itself)
                else:
                    destination = self._followed(destination)
                    with opened(self.directory(split(destination)[0])) as parent:
                        self._leaf(fd, "", status, parent, destination)
        except OSError as e:
            raise _explained(e, destination) from e

    def _followed(self, destination: str) -> str:
        """Return where the links at the end of a path lead."""
        for _ in range(_MAX_LINKS):
            head, name = split(destination)
            try:
                with opened(open_directory(self._target, head)) as parent:
                    link = os.readlink(name, dir_fd=parent)
            except OSError:
                return destination
            destination = link if link.startswith("/") else f"{head}/{link}"
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), destination)

    def directory(self, path: str) -> int:
        """Return a descriptor of a directory of the target, made with its parents where missing."""
        try:
            return make_directories(self._target, path, 0o755, self._attributes.owner or (0, 0))
        except FileExistsError as e:
            raise NotADirectoryError(e.errno, e.strerror, path) from e

    def _tree(self, source: int, path: str, destination: str, itself: bool) -> None:
        existed = not itself or is_directory(self._target, destination)
        with opened(self.directory(destination)) as root, opened(open_directory(source, ".")) as tree:
            made: list[tuple[str, os.stat_result]] = [] if existed else [("", os.fstat(tree))]
            if not existed:
                copy_xattrs(attribute_path(tree), attribute_path(root))
            self._below(tree, root, path, destination, made)
            for name, status in reversed(made):  # times last: filling a directory changes its own
                with opened(open_in_root(root, name or "/", os.O_RDONLY | os.O_DIRECTORY)) as fd:
                    self._own(status, fd)

    def _below(self, tree: int, root: int, path: str, destination: str, made: list[tuple[str, os.stat_result]]) -> None:
        here, current = os.dup(root), ""
        try:
            for found in walk(tree):
                if self._excluded(f"{path}/{found.path}".lstrip("/")):
                    continue
                head = found.path.rpartition("/")[0]
                if head != current:
                    os.close(here)
                    here = -1
                    here, current = self._open_below(root, head), head
                if found.is_dir:
                    self._subdirectory(found, here)
                    made.append((found.path, found.status))
                else:
                    self._leaf(found.parent, found.name, found.status, here, f"{destination}/{found.path}")
        finally:
            if here >= 0:
                os.close(here)

    def _open_below(self, root: int, path: str) -> int:
        """Open a directory that was copied, or whose own entry was excluded while something in it was not."""
        return make_directories(root, path, 0o755, self._attributes.owner or (0, 0))

    def _subdirectory(self, found: Found, parent: int) -> None:
        try:
            os.mkdir(found.name, 0o700, dir_fd=parent)
        except FileExistsError:
            status = os.stat(found.name, dir_fd=parent)
            if not stat.S_ISDIR(status.st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), found.name) from None
        copy_xattrs(attribute_path(found.parent, found.name), attribute_path(parent, found.name))

    def _leaf(self, source: int, name: str, status: os.stat_result, parent: int, destination: str) -> None:
        """Copy what is no directory. `source` is its own descriptor where `name` is empty."""
        if stat.S_ISSOCK(status.st_mode):
            return
        new = split(destination)[1]
        _make_room(parent, new, destination)
        if self._linked(status, parent, new, destination):
            return
        old = attribute_path(source, name or None)
        if stat.S_ISREG(status.st_mode):
            with opened(os.open(old, _READ)) as reading, opened(os.open(new, _WRITE, 0o600, dir_fd=parent)) as writing:
                copy_content(reading, writing, os.fstat(reading).st_size)
                self._metadata(status, attribute_path(reading), writing)
            return
        if stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), new, dir_fd=parent)
        else:
            os.mknod(new, status.st_mode, status.st_rdev, dir_fd=parent)
        self._special(status, old, parent, new)

    def _linked(self, status: os.stat_result, parent: int, new: str, destination: str) -> bool:
        if status.st_nlink < 2:
            return False
        first = self._seen.setdefault((status.st_dev, status.st_ino), destination)
        if first == destination:
            return False
        with opened(open_directory(self._target, split(first)[0])) as there:
            os.link(split(first)[1], new, src_dir_fd=there, dst_dir_fd=parent, follow_symlinks=False)
        return True

    def _metadata(self, status: os.stat_result, old: str, fd: int) -> None:
        self._chown(status, fd)  # clears capabilities, so before the attributes
        copy_xattrs(old, attribute_path(fd))
        self._mode_and_time(status, fd)

    def _own(self, status: os.stat_result, fd: int) -> None:
        self._chown(status, fd)
        self._mode_and_time(status, fd)

    def _chown(self, status: os.stat_result, fd: int) -> None:
        os.fchown(fd, *(self._attributes.owner or (status.st_uid, status.st_gid)))

    def _mode_and_time(self, status: os.stat_result, fd: int) -> None:
        os.fchmod(fd, self._mode(status))
        os.utime(fd, ns=(status.st_atime_ns, self._time(status)))

    def _mode(self, status: os.stat_result) -> int:
        mode = stat.S_IMODE(status.st_mode)
        return mode if self._attributes.mode is None else self._attributes.mode(mode, stat.S_ISDIR(status.st_mode))

    def _time(self, status: os.stat_result) -> int:
        return status.st_mtime_ns if self._attributes.mtime is None else self._attributes.mtime

    def _special(self, status: os.stat_result, old: str, parent: int, name: str) -> None:
        os.chown(
            name, *(self._attributes.owner or (status.st_uid, status.st_gid)), dir_fd=parent, follow_symlinks=False
        )
        copy_xattrs(old, attribute_path(parent, name))
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(name, self._mode(status), dir_fd=parent)
        os.utime(name, ns=(status.st_atime_ns, self._time(status)), dir_fd=parent, follow_symlinks=False)


def split(path: str) -> tuple[str, str]:
    """Return the directory and the name of an absolute path."""
    head, _, name = path.rstrip("/").rpartition("/")
    return head or "/", name


def _make_room(parent: int, name: str, destination: str) -> None:
    """Remove what is to be replaced; InvalidArgument for a directory."""
    try:
        status = os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISDIR(status.st_mode):
        raise InvalidArgument(f"cannot replace to directory {destination} with file")
    os.unlink(name, dir_fd=parent)


def _explained(error: OSError, destination: str) -> PoguError:
    if isinstance(error, NotADirectoryError):
        return InvalidArgument(f"cannot copy to non-directory: {destination}")
    return PoguError(f"failed to copy to {destination}: {error.strerror or error}")


def make_workdir(root: int, path: str, owner: tuple[int, int]) -> None:
    """Make a directory of WORKDIR, with its parents, where it is missing. Raises OSError."""
    os.close(make_directories(root, path, 0o755, owner))


def write_file(root: int, destination: str, data: bytes, attributes: Attributes, now: int) -> None:
    """Make a file with this content, as of a here-document."""
    owner = attributes.owner or (0, 0)
    with opened(make_directories(root, split(destination)[0], 0o755, owner)) as parent:
        name = split(destination)[1]
        _make_room(parent, name, destination)
        with opened(os.open(name, _WRITE, 0o600, dir_fd=parent)) as fd:
            view = memoryview(data)
            while view:
                view = view[os.write(fd, view) :]
            os.fchown(fd, *owner)
            os.fchmod(fd, attributes.mode(0o644, False) if attributes.mode else 0o644)
            at = attributes.mtime if attributes.mtime is not None else now
            os.utime(fd, ns=(at, at))


__all__ = ["Attributes", "Copier", "make_workdir", "write_file"]
