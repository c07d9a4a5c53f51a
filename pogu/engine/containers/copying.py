"""`docker cp`: looking at, reading and writing a container's files, running or not.

A running container is seen through /proc/PID/root, so its volumes and tmpfs are what it sees itself. A stopped one is
mounted for the time, volumes in place.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pogu.engine.archive import PathStat, get_archive, put_archive, resolve, stat_path
from pogu.engine.containers.lifecycle.state import is_live, require_not_leaving
from pogu.engine.containers.mounts import clean
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.rootfs import mounted_root, mounted_tree
from pogu.engine.containers.table import Entry
from pogu.engine.model import Container
from pogu.engine.runtime import resolve_user
from pogu.errors import Forbidden, NotFound


@asynccontextmanager
async def opened_root(rooms: Rooms, entry: Entry) -> AsyncIterator[int]:
    """Yield a descriptor of the container's root directory as the container sees it."""
    require_not_leaving(entry, f"container {entry.id} is marked for removal")
    if is_live(entry.record):
        fd = _root_of_process(entry.record.state.pid)
        if fd is not None:
            try:
                yield fd
            finally:
                os.close(fd)
            return
    async with entry.lock:
        require_not_leaving(entry, f"container {entry.id} is marked for removal")
        if entry.cleaning:
            await asyncio.shield(entry.cleaning)
        tree = mounted_root(rooms, entry.id) if is_live(entry.record) else mounted_tree(rooms, entry.record)
        async with tree as root:
            fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                yield fd
            finally:
                os.close(fd)


def _root_of_process(pid: int) -> int | None:
    try:
        return os.open(f"/proc/{pid}/root", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # it ends just now
        return None


async def stat(rooms: Rooms, entry: Entry, path: str) -> PathStat:
    """Return what is at `path`, links not followed. Raises NotFound in Docker's words."""
    async with opened_root(rooms, entry) as root:
        try:
            return await stat_path(root, path)
        except NotFound:
            raise _missing(entry, path) from None


async def get(rooms: Rooms, entry: Entry, path: str) -> tuple[PathStat, AsyncIterator[bytes]]:
    """Return what is at `path` and a tar of it; the container stays mounted until the iterator ends or is closed."""
    found = await stat(rooms, entry, path)
    rooms.publish(entry, "archive-path")
    return found, _stream(rooms, entry, path)


async def _stream(rooms: Rooms, entry: Entry, path: str) -> AsyncIterator[bytes]:
    async with opened_root(rooms, entry) as root:
        chunks = get_archive(root, path)
        try:
            async for chunk in chunks:
                yield chunk
        except NotFound:  # it was there when it was looked at
            raise _missing(entry, path) from None
        finally:
            await chunks.aclose()


async def put(
    rooms: Rooms,
    entry: Entry,
    path: str,
    tar: AsyncIterator[bytes],
    *,
    no_overwrite_dir_non_dir: bool = False,
    copy_uid_gid: bool = False,
) -> None:
    """Unpack a tar into the directory `path`.

    With `copy_uid_gid` the container's user owns what is unpacked (that is what Docker's option means).

    Raises:
        NotFound: no such directory.
        Forbidden: it is read-only for the container.
        InvalidArgument: it is no directory, or the archive is malformed.
    """
    async with opened_root(rooms, entry) as root:
        try:
            _check_writable(entry.record, resolve(root, path))
            owner = None
            if copy_uid_gid:
                user = resolve_user(root, entry.record.config.user or "")
                owner = (user.uid, user.gid)
            await put_archive(root, path, tar, no_overwrite_dir_non_dir=no_overwrite_dir_non_dir, owner=owner)
        except NotFound:
            raise _missing(entry, path) from None
    rooms.publish(entry, "extract-to-dir")


def _check_writable(record: Container, path: str) -> None:
    """Raise Forbidden where the innermost mount at `path` is read-only, or the root is."""
    best = None
    for point in record.mounts:
        below = path == point.destination or path.startswith(point.destination.rstrip("/") + "/")
        if below and (best is None or len(point.destination) > len(best.destination)):
            best = point
    if best is not None:
        if not best.rw:
            raise Forbidden(f"mounted volume is marked read-only: {best.destination}")
        return
    tmpfs = any(path == t or path.startswith(t + "/") for t in map(clean, record.host_config.tmpfs or {}))
    if record.host_config.readonly_rootfs and not tmpfs:
        raise Forbidden("container rootfs is marked read-only")


def _missing(entry: Entry, path: str) -> NotFound:
    return NotFound(f"Could not find the file {path} in container {entry.record.name}")


@asynccontextmanager
async def mounted_root_fd(rooms: Rooms, id_: str) -> AsyncIterator[int]:
    """Yield a descriptor of the container's own root file system, without volumes."""
    async with mounted_root(rooms, id_) as root:
        fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield fd
        finally:
            os.close(fd)
