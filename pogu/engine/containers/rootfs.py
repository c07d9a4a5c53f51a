"""A container's file tree on the host: mounted while it runs, or while somebody works on a stopped container."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pogu.engine.containers.rooms import Rooms
from pogu.engine.model import Container, MountPoint
from pogu.errors import InvalidArgument, PoguError
from pogu.failpoints import step
from pogu.linux import mounts, paths


@asynccontextmanager
async def mounted_root(rooms: Rooms, id_: str) -> AsyncIterator[Path]:
    """Yield the root file system of a container, running or not."""
    root = await rooms.roots.acquire(id_)
    try:
        step("container.root.mounted")
        yield root
    finally:
        await asyncio.shield(rooms.roots.release(id_))


async def mount_volumes(rooms: Rooms, record: Container) -> list[MountPoint]:
    """Make what the container mounts available on the host, and return the mounts with their host paths.

    Bind sources given by `-v` are made where they are missing, as directories.

    Raises:
        InvalidArgument: a bind source of `--mount` does not exist.
        PoguError: a volume cannot be mounted.
    """
    ready = []
    for point in record.mounts:
        if point.type == "volume":
            path = await rooms.volumes.mount(
                point.name, record.id, destination=point.destination, read_write=point.rw, propagation=point.propagation
            )
            ready.append(_with_source(point, await _part(rooms, record, point, path)))
        elif point.type == "bind":
            await asyncio.to_thread(_ensure_source, point)
            ready.append(point)
        elif point.type == "image":
            ready.append(await _mount_image(rooms, record, point))
        else:
            ready.append(point)
    return ready


async def unmount_volumes(rooms: Rooms, record: Container) -> None:
    """Undo `mount_volumes`, as far as it came."""
    for point in record.mounts:
        if point.subpath:
            await asyncio.to_thread(_unpin, _pin(rooms, record, point))
        if point.type == "volume":
            try:
                await rooms.volumes.unmount(point.name, record.id)
            except PoguError:
                pass  # removed by force, or never mounted
        elif point.type == "image":
            layer = _image_layer(record, point)
            await rooms.roots.release(layer)
            await rooms.storage.remove(layer)


def _image_layer(record: Container, point: MountPoint) -> str:
    """Return the ID of the layer that shows an image inside a container."""
    return f"{record.id}-{_short_digest(point.destination)}"


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


async def _mount_image(rooms: Rooms, record: Container, point: MountPoint) -> MountPoint:
    image = rooms.images.resolve(point.source)
    layer = _image_layer(record, point)
    await rooms.storage.create(layer, image.chain_id)
    target = await rooms.roots.acquire(layer)
    return _with_source(point, await _part(rooms, record, point, target))


def _with_source(point: MountPoint, source: Path) -> MountPoint:
    return MountPoint(
        type=point.type,
        destination=point.destination,
        name=point.name,
        source=str(source),
        driver=point.driver,
        mode=point.mode,
        rw=point.rw,
        propagation=point.propagation,
        options=dict(point.options),
    )


def _ensure_source(point: MountPoint) -> None:
    path = Path(point.source)
    try:
        if os.path.lexists(path):
            return
        if point.options.get("CreateMountpoint"):
            path.mkdir(parents=True, exist_ok=True)
            return
    except OSError as e:
        raise PoguError(f"error while creating mount source path '{path}': {e.strerror}") from None
    raise InvalidArgument(f'invalid mount config for type "bind": bind source path does not exist: {path}')


async def _part(rooms: Rooms, record: Container, point: MountPoint, whole: Path) -> Path:
    """Return what to mount of a volume or image: all of it, or the part that the mount names, held by a mount."""
    if not point.subpath:
        return whole
    target = _pin(rooms, record, point)
    await asyncio.to_thread(_hold, whole, point.subpath, target)
    return target


def _pin(rooms: Rooms, record: Container, point: MountPoint) -> Path:
    return rooms.config.run / "subpaths" / f"{record.id}-{_short_digest(point.destination)}"


def _hold(volume: Path, subpath: str, target: Path) -> None:
    """Bind the part of a volume to `target`; it cannot lead out of the volume.

    A path would not do: between its check and the runtime's mount, another container that has the volume could put a
    link to the host there (CVE-2021-25741).
    """
    root = os.open(volume, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = paths.open_in_root(root, subpath, os.O_PATH)
    except OSError as e:
        raise InvalidArgument(f"cannot access path {volume}/{subpath}: {e.strerror}") from None
    finally:
        os.close(root)
    with paths.opened(fd):
        _unpin(target)
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            target.mkdir()
        else:
            target.touch()
        mounts.bind(paths.attribute_path(fd), target, recursive=True)


def _unpin(target: Path) -> None:
    """Undo `_hold`, as far as it came."""
    if not os.path.lexists(target):
        return
    mounts.unmount(target, mounts.MNT_DETACH)
    if target.is_dir():
        target.rmdir()
    else:
        target.unlink()


async def copy_up(rooms: Rooms, container_id: str, point: MountPoint, root: Path) -> None:
    """Copy what the image has at the destination into the volume, if that is empty."""
    volume = rooms.volumes.get(point.name)
    if not volume.options:
        await rooms.volumes.copy_up(volume, root, point.destination)
        return
    await rooms.volumes.mount(volume.name, container_id, quiet=True)
    try:
        await rooms.volumes.copy_up(volume, root, point.destination)
    finally:
        await rooms.volumes.unmount(volume.name, container_id)


@asynccontextmanager
async def mounted_tree(rooms: Rooms, record: Container) -> AsyncIterator[Path]:
    """Yield a stopped container's root with its volumes and bind mounts in place; its lock must be held."""
    async with mounted_root(rooms, record.id) as root:
        done: list[int] = []
        try:
            for point in await mount_volumes(rooms, record):
                if point.type != "tmpfs":
                    try:
                        done.append(await asyncio.to_thread(_bind_into, root, point))
                    except OSError as e:
                        raise InvalidArgument(f"cannot mount at {point.destination}: {e.strerror}") from None
            yield root
        finally:
            await asyncio.shield(_unbind(rooms, record, done))


async def _unbind(rooms: Rooms, record: Container, done: list[int]) -> None:
    for fd in reversed(done):
        with paths.opened(fd):
            await asyncio.to_thread(mounts.detach, fd)
    await unmount_volumes(rooms, record)


def _bind_into(root: Path, point: MountPoint) -> int:
    """Bind a source at its destination inside the root, links on the way resolved inside it, made if missing.

    Returns a descriptor of what is mounted. All is done by descriptors: a destination may lie in a volume that a
    running container changes meanwhile.
    """
    with paths.opened(paths.open_root(root)) as root_fd:
        is_dir = Path(point.source).is_dir()
        make = paths.make_directories if is_dir else _make_file
        with paths.opened(make(root_fd, point.destination)) as fd:
            mounts.bind(point.source, paths.attribute_path(fd), recursive=True)
        fd = paths.open_in_root(root_fd, point.destination, os.O_PATH)
        try:
            mounts.set_propagation(paths.attribute_path(fd), mounts.PROPAGATION["rprivate"])
        except OSError:  # something else is there already; what was mounted goes with the root
            os.close(fd)
            raise
        return fd


def _make_file(root_fd: int, path: str) -> int:
    head, _, name = path.rpartition("/")
    parent = paths.make_directories(root_fd, head or "/")
    try:
        try:
            return paths.open_in_root(root_fd, path, os.O_PATH)
        except FileNotFoundError:
            return os.open(name, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644, dir_fd=parent)
    finally:
        os.close(parent)
