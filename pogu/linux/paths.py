"""Paths that cannot leave a directory: openat2(2) with RESOLVE_IN_ROOT.

The directory is a file descriptor and behaves as if one had chrooted to it: `/` and `..` stop there, also inside
symlinks, and the kernel holds that against renames going on at the same time. Everything else (making, removing,
reading attributes) is done relative to the descriptor of the parent directory and never follows the last component.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_SYS_OPENAT2 = 437  # the same number on every architecture (linux/asm-generic/unistd.h)
RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_RETRIES = 1000  # EAGAIN comes when a rename anywhere raced with a `..` (openat2(2)); it passes


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def open_in_root(root_fd: int, path: str | bytes, flags: int, mode: int = 0, resolve: int = RESOLVE_IN_ROOT) -> int:
    """Open `path` as if `root_fd` were the root directory; O_CLOEXEC is added.

    Magic links (/proc/PID/fd/N, /proc/PID/root) are refused, since they lead anywhere.

    Raises:
        OSError: as open(2); ELOOP also for a magic link. EINVAL for a NUL in the path.
    """
    raw = os.fsencode(path) or b"."
    if b"\0" in raw:
        raise OSError(errno.EINVAL, "path holds a NUL byte", path)
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve | RESOLVE_NO_MAGICLINKS)
    for _ in range(_RETRIES):
        fd: int = _libc.syscall(
            ctypes.c_long(_SYS_OPENAT2),
            ctypes.c_int(root_fd),
            raw,
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if fd >= 0:
            return fd
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(number, os.strerror(number), os.fsdecode(raw))


def open_directory(root_fd: int, path: str | bytes) -> int:
    """Open a directory inside the root, following symlinks inside it. Raises OSError (ENOTDIR, ENOENT …)."""
    return open_in_root(root_fd, path, _DIRECTORY)


def is_there(root_fd: int, path: str, *, follow: bool = False) -> bool:
    """Tell whether something is at a path inside the root; a link at its end counts itself, unless it is followed."""
    try:
        os.close(open_in_root(root_fd, path or "/", os.O_PATH if follow else os.O_PATH | os.O_NOFOLLOW))
    except OSError:
        return False
    return True


def open_root(root: Path | int) -> int:
    """Return a new descriptor of a directory given by host path or by a descriptor (O_PATH ones too)."""
    if isinstance(root, int):
        return os.open(".", _DIRECTORY, dir_fd=root)
    return os.open(root, _DIRECTORY)


def sync_directory(path: Path) -> None:
    """Make durable which names a directory has; syncing a file does not (fsync(2)). Raises OSError."""
    with opened(open_root(path)) as fd:
        os.fsync(fd)


@contextmanager
def opened(fd: int) -> Iterator[int]:
    """Close `fd` at the end of the block."""
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def parent_of(root_fd: int, path: str) -> Iterator[tuple[int, str]]:
    """Yield the descriptor of the directory that holds `path`, and its last component.

    The component is "." for the root itself and for paths that end in `/`, `.` or `..`; the directory is then the
    path's own, symlinks followed.

    Raises:
        OSError: the parent cannot be opened.
    """
    head, _, name = path.rpartition("/")
    if name in ("", ".", ".."):
        head, name = path, "."
    with opened(open_directory(root_fd, head or "/")) as fd:
        yield fd, name


def open_regular(root_fd: int, path: str) -> int:
    """Open a regular file inside the root for reading.

    What it is gets looked at before it is opened: opening a FIFO would block, opening a device would act.

    Raises:
        OSError: as open(2); EINVAL if it is not a regular file.
    """
    with opened(open_in_root(root_fd, path, os.O_PATH)) as fd:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        return os.open(attribute_path(fd), os.O_RDONLY | os.O_CLOEXEC)


def read_in_root(root_fd: int, path: str, limit: int = 1 << 20) -> bytes:
    """Return at most `limit` bytes of a regular file inside the root. Raises OSError as `open_regular`."""
    with os.fdopen(open_regular(root_fd, path), "rb") as file:
        return file.read(limit)


def make_directories(root_fd: int, path: str, mode: int = 0o755, owner: tuple[int, int] | None = None) -> int:
    """Make `path` and its missing parents inside the root, like `mkdir -p`, and return a descriptor of it.

    Symlinks on the way are followed inside the root. `mode` is set exactly, whatever the umask; `owner` is uid, gid.

    Raises:
        OSError: ENOTDIR where a component is no directory, EEXIST where a dangling symlink stands in the way.
    """
    fd = open_directory(root_fd, "/")
    walked = ""
    try:
        for part in [p for p in path.split("/") if p not in ("", ".")]:
            walked = f"{walked}/{part}"
            try:
                below = open_directory(root_fd, walked)
            except FileNotFoundError:
                below = make_directory(fd, part, mode, owner)
            os.close(fd)
            fd = below
    except BaseException:
        os.close(fd)
        raise
    return fd


def make_directory(fd: int, name: str, mode: int, owner: tuple[int, int] | None = None) -> int:
    """Make one directory below `fd` with exactly this mode and owner, and return its descriptor. Raises OSError."""
    os.mkdir(name, 0o700, dir_fd=fd)
    below = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=fd)
    if owner is not None:
        os.fchown(below, *owner)
    os.fchmod(below, mode)
    return below


def attribute_path(fd: int, name: str | None = None) -> str:
    """Return a path for calls that have no *at form (xattrs): through our own descriptor, so still confined."""
    return f"/proc/self/fd/{fd}" if name is None else f"/proc/self/fd/{fd}/{name}"
