"""A container's file tree on the host: mounted while it runs, or while somebody works on a stopped container."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pogu.engine.containers.rooms import Rooms
from pogu.engine.model import Container, MountPoint
from pogu.errors import InvalidArgument, PoguError
from pogu.linux import mounts, paths


@asynccontextmanager
async def mounted_root(rooms: Rooms, id_: str) -> AsyncIterator[Path]:
    """Yield the root file system of a container, running or not."""
    root = await rooms.roots.acquire(id_)
    try:
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
            source = await asyncio.to_thread(_subpath, path, point.subpath) if point.subpath else path
            ready.append(_with_source(point, source))
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
    return f"{record.id}-{hashlib.sha256(point.destination.encode()).hexdigest()[:16]}"


async def _mount_image(rooms: Rooms, record: Container, point: MountPoint) -> MountPoint:
    image = rooms.images.resolve(point.source)
    layer = _image_layer(record, point)
    await rooms.storage.create(layer, image.chain_id)
    target = await rooms.roots.acquire(layer)
    source = await asyncio.to_thread(_subpath, target, point.subpath) if point.subpath else target
    return _with_source(point, source)


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


def _subpath(volume: Path, subpath: str) -> Path:
    """Return the real host path of `subpath`, which cannot lead out of the volume."""
    root = os.open(volume, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fd = paths.open_in_root(root, subpath, os.O_PATH)
    except OSError as e:
        raise InvalidArgument(f"cannot access path {volume}/{subpath}: {e.strerror}") from None
    finally:
        os.close(root)
    try:
        return Path(paths.attribute_path(fd)).readlink()
    finally:
        os.close(fd)


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
        done: list[Path] = []
        try:
            for point in await mount_volumes(rooms, record):
                if point.type != "tmpfs":
                    done.append(await asyncio.to_thread(_bind_into, root, point))
            yield root
        finally:
            await asyncio.shield(_unbind(rooms, record, done))


async def _unbind(rooms: Rooms, record: Container, done: list[Path]) -> None:
    for path in reversed(done):
        await asyncio.to_thread(mounts.unmount, path, mounts.MNT_DETACH)
    await unmount_volumes(rooms, record)


def _bind_into(root: Path, point: MountPoint) -> Path:
    """Bind a source at its destination inside the root, links on the way resolved inside it, made if missing."""
    root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if Path(point.source).is_dir():
            fd = paths.make_directories(root_fd, point.destination)
        else:
            fd = _make_file(root_fd, point.destination)
        try:
            target = Path(paths.attribute_path(fd)).readlink()
            mounts.bind(point.source, target, recursive=True)
            mounts.set_propagation(target, mounts.PROPAGATION["rprivate"])
            return target
        finally:
            os.close(fd)
    finally:
        os.close(root_fd)


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
