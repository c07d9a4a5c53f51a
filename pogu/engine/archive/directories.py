"""Finding and making the directories that an archive's entries go into, without ever leaving the root."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from typing import Protocol

from pogu.engine.archive.header import Entry
from pogu.linux.paths import attribute_path, make_directory, open_directory, open_root

_CACHED = 64  # descriptors of directories kept open by one extraction
_MAX_LINKS = 40  # symlinks followed in one path, as the kernel's own limit (path_resolution(7))
_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
IMPLIED_MODE = 0o755
OPAQUE = "trusted.overlay.opaque"  # kernel documentation, filesystems/overlayfs, "whiteouts and opaque directories"


class Lower(Protocol):
    """What is below the directory an archive is unpacked into: the parent layers of a layer."""

    def find(self, path: str) -> Entry | None:
        """Return the directory or symlink that the layers below show at `path`, None for anything else."""
        ...

    def shows(self, path: str) -> bool:
        """Say whether the layers below show anything at `path`."""
        ...

    def names(self, path: str) -> list[str]:
        """Return the names that the layers below show in the directory `path`."""
        ...


class Directories:
    """Descriptors of directories inside a root, by the path an archive uses for them.

    A path that is missing is made, as archives may leave directories out: with the metadata that `lower` has for it
    (a symlink below is copied, so that `lib/x` goes where `lib -> usr/lib` says), otherwise as root's, mode 0755. With
    `overlay`, one that the archive deleted before comes back opaque.
    """

    def __init__(
        self,
        root_fd: int,
        lower: Lower | None = None,
        implied_owner: tuple[int, int] | None = None,
        *,
        overlay: bool = False,
    ) -> None:
        self._root = open_root(root_fd)
        self._lower = lower
        self._owner = implied_owner
        self._overlay = overlay
        self._open: dict[str, int] = {}
        self.implied: dict[str, Entry] = {}  # directories made because they were missing, by real path

    def close(self) -> None:
        self.forget()
        os.close(self._root)

    def forget(self, but: int | None = None) -> None:
        """Drop what is known, because something on a path may have been replaced; the descriptor `but` stays."""
        known, self._open = self._open, {}
        for path, fd in known.items():
            if fd == but:
                self._open[path] = fd
            else:
                os.close(fd)

    @property
    def root(self) -> int:
        return self._root

    def get(self, path: str, *, make: bool = True) -> int:
        """Return a descriptor of the directory `path` ("" is the root), valid until `forget` or the next `get`.

        Raises:
            OSError: ENOTDIR, ELOOP; ENOENT with `make` false.
        """
        if not path:
            return self._root
        if (fd := self._open.get(path)) is not None:
            return fd
        try:
            fd = open_directory(self._root, path)
        except (FileNotFoundError, NotADirectoryError):
            if not make:
                raise
            fd = self._imply(path)
        self.keep(path, fd)
        return fd

    def keep(self, path: str, fd: int) -> None:
        """Take over `fd` as the descriptor of `path`."""
        if len(self._open) >= _CACHED:
            self.forget()
        old = self._open.pop(path, None)
        if old is not None:
            os.close(old)
        self._open[path] = fd

    def _imply(self, path: str) -> int:
        """Walk `path` one component at a time, making what is missing; symlinks are followed by hand, confined."""
        walk = _Walk(self._root)
        waiting = deque(path.split("/"))
        try:
            while waiting:
                part = waiting.popleft()
                if part == "..":
                    walk.leave()
                elif part not in ("", "."):
                    target = self._step(walk, part)
                    if target is not None:
                        walk.follow(target)
                        waiting.extendleft(reversed(target.split("/")))
            return walk.take()
        finally:
            walk.close()

    def _step(self, walk: _Walk, part: str) -> str | None:
        """Enter `part`, making it if it is missing; a symlink's target is returned instead."""
        try:
            walk.enter(part, os.open(part, _STEP, dir_fd=walk.fd))
        except FileNotFoundError:
            return self._make(walk, part)
        except NotADirectoryError:
            if self._overlay and _is_whiteout(part, walk.fd):
                os.unlink(part, dir_fd=walk.fd)
                self._make(walk, part)
                os.setxattr(attribute_path(walk.fd), OPAQUE, b"y")
                return None
            return _readlink(part, walk.fd)
        return None

    def _make(self, walk: _Walk, part: str) -> str | None:
        path = walk.path(part)
        below = self._lower.find(path) if self._lower is not None else None
        if below is not None and not below.is_dir:
            os.symlink(below.link, part, dir_fd=walk.fd)
            os.chown(part, below.uid, below.gid, dir_fd=walk.fd, follow_symlinks=False)
            os.utime(part, ns=(below.mtime_ns, below.mtime_ns), dir_fd=walk.fd, follow_symlinks=False)
            return below.link
        mode, owner = (below.mode, (below.uid, below.gid)) if below else (IMPLIED_MODE, self._owner)
        fd = make_directory(walk.fd, part, mode, owner)
        walk.enter(part, fd)
        for name, value in below.xattrs.items() if below else ():
            os.setxattr(attribute_path(fd), name, value)
        self.implied[path] = below or Entry(path, mtime_ns=os.fstat(fd).st_mtime_ns)
        return None


class _Walk:
    """Where a walk by components is: the open directories from the root down to here, and their names."""

    def __init__(self, root: int) -> None:
        self._fds = [os.dup(root)]
        self._names: list[str] = []
        self._links = 0

    @property
    def fd(self) -> int:
        return self._fds[-1]

    def path(self, name: str) -> str:
        return "/".join([*self._names, name])

    def enter(self, name: str, fd: int) -> None:
        self._fds.append(fd)
        self._names.append(name)

    def leave(self) -> None:
        if self._names:
            self._names.pop()
            os.close(self._fds.pop())

    def follow(self, target: str) -> None:
        """Count a symlink, and go to the root if it is absolute."""
        self._links += 1
        if self._links > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), target)
        while target.startswith("/") and self._names:
            self.leave()

    def take(self) -> int:
        return self._fds.pop()

    def close(self) -> None:
        for fd in self._fds:
            os.close(fd)


def _readlink(name: str, fd: int) -> str:
    try:
        return os.readlink(name, dir_fd=fd)
    except OSError as e:
        if e.errno == errno.EINVAL:  # not a symlink
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from None
        raise


def _is_whiteout(name: str, fd: int) -> bool:
    return is_whiteout(os.stat(name, dir_fd=fd, follow_symlinks=False))


def is_whiteout(status: os.stat_result) -> bool:
    """Say whether this is overlayfs' mark of a deleted name: a character device 0/0."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
