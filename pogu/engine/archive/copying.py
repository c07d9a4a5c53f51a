"""`docker cp`: looking at, taking out and putting in files of a container's root.

The root is a host directory or a descriptor of one (`/proc/PID/root` opened with O_PATH shows a running container's
volumes as well). Every path is the container's and cannot leave it. Semantics are moby's archive API
(`{HEAD,GET,PUT} /containers/{id}/archive`).
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from pogu.engine.archive.compression import decompress
from pogu.engine.archive.extract import ExtractOptions, extract
from pogu.engine.archive.go_modes import go_mode
from pogu.engine.archive.pack import pack
from pogu.engine.archive.streams import ThreadReader, run_in_thread
from pogu.errors import InvalidArgument, NotFound
from pogu.linux.paths import RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, open_directory, open_in_root, open_root, opened

_MAX_LINKS = 255  # what Docker follows before it gives up


@dataclass(frozen=True, slots=True)
class PathStat:
    """What `docker cp` asks about a path. `mode` is Go's os.FileMode, `mtime_ns` Unix time in nanoseconds.

    `link_target` is a symlink's target with all links followed, as far as that goes; "" for anything else.
    """

    name: str
    size: int
    mode: int
    mtime_ns: int
    link_target: str


def normalise(path: str) -> str:
    """Return `path` absolute and cleaned, but with the `/` or `/.` at its end that says "the directory itself"."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    cleaned = "/" + "/".join(parts)
    last = path.rpartition("/")[2]
    if last == ".":
        return f"{cleaned.rstrip('/')}/."
    if last == "" and parts:
        return f"{cleaned}/"
    return cleaned


def _base(path: str) -> str:
    """The last component of a normalised path; "/" for the root, "." where the path ends so."""
    return path.rstrip("/").rpartition("/")[2] or "/"


async def stat_path(root: Path | int, path: str) -> PathStat:
    """Return what is at `path`; a symlink there is not followed unless `/` follows it.

    Raises:
        NotFound: nothing is there (the message is the path alone).
        InvalidArgument: a component is no directory, or links go in circles.
    """
    with opened(open_root(root)) as fd:
        return _stat(fd, normalise(path), path)


def _stat(root: int, wanted: str, given: str) -> PathStat:
    status = _lstat(root, wanted, given)
    target = resolve(root, wanted) if stat.S_ISLNK(status.st_mode) else ""
    return PathStat(_base(wanted), status.st_size, go_mode(status.st_mode), status.st_mtime_ns, target)


def _lstat(root: int, wanted: str, given: str) -> os.stat_result:
    flags = os.O_PATH if wanted.endswith(("/", "/.")) else os.O_PATH | os.O_NOFOLLOW
    try:
        with opened(open_in_root(root, wanted, flags)) as fd:
            return os.fstat(fd)
    except OSError as e:
        raise _explained(e, given) from e


def _explained(error: OSError, path: str) -> Exception:
    if error.errno == errno.ENOENT:
        return NotFound(path)
    if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL):
        return InvalidArgument(f"{path}: {(error.strerror or str(error)).lower()}")
    return error


def resolve(root: Path | int, path: str) -> str:
    """Return the absolute path inside `root` that `path` leads to, every symlink followed.

    What does not exist is kept as it is written.

    Raises:
        InvalidArgument: links go in circles.
    """
    with opened(open_root(root)) as fd:
        done: list[str] = []
        waiting = deque(path.split("/"))
        links = 0
        while waiting:
            part = waiting.popleft()
            if part == "..":
                del done[-1:]
            elif part not in ("", "."):
                target = _readlink(fd, "/".join([*done, part]))
                if target is None:
                    done.append(part)
                    continue
                links += 1
                if links > _MAX_LINKS:
                    raise InvalidArgument(f"{path}: too many levels of symbolic links")
                if target.startswith("/"):
                    done = []
                waiting.extendleft(reversed(target.split("/")))
        return "/" + "/".join(done)


def _readlink(root: int, path: str) -> str | None:
    """The target of a symlink at a path whose parents are none; None for anything else.

    None, too, for what leads nowhere, as /proc/self does for who is outside that PID namespace.
    """
    try:
        fd = open_in_root(root, path, os.O_PATH | os.O_NOFOLLOW, resolve=RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS)
    except OSError as e:
        # openat2 answers ELOOP for a symlink at the end, too
        return _readlink_in_parent(root, path) if e.errno == errno.ELOOP else None
    with opened(fd):
        try:
            return os.readlink("", dir_fd=fd) if stat.S_ISLNK(os.fstat(fd).st_mode) else None
        except OSError:
            return None


def _readlink_in_parent(root: int, path: str) -> str | None:
    parent, _, name = path.rpartition("/")
    try:
        with opened(open_directory(root, parent or "/")) as directory:
            return os.readlink(name, dir_fd=directory)
    except OSError:
        return None


async def get_archive(root: Path | int, path: str) -> AsyncGenerator[bytes, None]:
    """Yield a tar archive of `path`: a file, a symlink as such, or a directory with all below it.

    The members' names begin with the last component of `path` (`/x` for the root, `./x` for a path ending in `/.`).
    A descriptor given as `root` must stay open until the iterator is.

    Raises:
        NotFound, InvalidArgument: as `stat_path`.
    """
    wanted = normalise(path)
    with opened(open_root(root)) as fd:
        _lstat(fd, wanted, path)
        try:
            async for chunk in pack(fd, wanted, _base(wanted)):
                yield chunk
        except OSError as e:  # gone meanwhile, or something else by now
            raise _explained(e, path) from e


async def put_archive(
    root: Path | int,
    path: str,
    tar: AsyncIterator[bytes],
    *,
    no_overwrite_dir_non_dir: bool = False,
    owner: tuple[int, int] | None = None,
) -> None:
    """Unpack `tar`, compressed or not, into the existing directory `path`, symlinks followed.

    `owner` (uid, gid) replaces the owners in the archive. With `no_overwrite_dir_non_dir` a directory is never
    replaced with anything else, nor the other way round. When the caller is cancelled, or an error occurs, what has
    been unpacked stays.

    Raises:
        NotFound: no such path (the message is the path alone).
        InvalidArgument: it is no directory, the archive is damaged, or its entries cannot be made there.
    """
    with opened(open_root(root)) as fd:
        try:
            directory = open_directory(fd, normalise(path))
        except NotADirectoryError:
            raise InvalidArgument("extraction point is not a directory") from None
        except OSError as e:
            raise _explained(e, path) from e
    options = ExtractOptions(owner=owner, keep_kind=no_overwrite_dir_non_dir, destination=path)
    reader = ThreadReader(tar)
    with opened(directory):
        await run_in_thread(lambda: extract(decompress(reader), directory, options), reader.cancel, "put-archive")
