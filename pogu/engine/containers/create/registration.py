"""The mounts of a new container: from other containers, `-v`, `--mount`, and the image's VOLUMEs, in dockerd's order.

A later one takes the place of an earlier one at the same destination, except that two of the request's own at one
destination are an error. Volumes are made here; those made for a container whose creation fails are removed again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pogu.engine.containers.mounts import clean, parse_bind, parse_mount, parse_volumes_from, writable
from pogu.engine.containers.rooms import Rooms
from pogu.engine.model import ContainerConfig, HostConfig, MountPoint, VolumeOptions
from pogu.errors import InvalidArgument, NotFound, PoguError


@dataclass(slots=True)
class Registration:
    """The mounts found so far, by destination, and the volumes made on the way."""

    container_id: str
    points: dict[str, MountPoint] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    new: set[str] = field(default_factory=set)  # destinations of volumes that image content is to be copied to


async def register_mounts(rooms: Rooms, id_: str, config: ContainerConfig, host: HostConfig) -> Registration:
    """Return the mounts of the container `id_` that is being created, its volumes made.

    Raises:
        InvalidArgument: a malformed or duplicate mount, or no such container to take volumes from.
        PoguError: a volume could not be made; those made before are removed.
    """
    found = Registration(id_)
    try:
        _take_from_containers(rooms, host, found)
        taken: set[str] = set(map(clean, host.tmpfs or {}))
        for raw in host.binds or []:
            await _add(rooms, parse_bind(raw, host.volume_driver or ""), taken, found)
        for mount in host.mounts or []:
            point = parse_mount(mount)
            volume = mount.volume_options or {}
            await _add(rooms, point, taken, found, labels=volume.get("Labels"), options=_driver_options(volume))
        await _add_image_volumes(rooms, config, host, found)
    except BaseException:
        await discard_volumes(rooms, found)
        raise
    return found


async def discard_volumes(rooms: Rooms, found: Registration) -> None:
    """Remove the volumes that were made, as far as nobody uses them."""
    for name in found.made:
        try:
            await rooms.volumes.remove(name)
        except PoguError:
            pass


def _driver_options(volume: VolumeOptions) -> dict[str, str]:
    return dict((volume.get("DriverConfig") or {}).get("Options") or {})


def _take_from_containers(rooms: Rooms, host: HostConfig, found: Registration) -> None:
    for spec in host.volumes_from or []:
        name, mode = parse_volumes_from(spec)
        try:
            donor = rooms.table.find(name).record
        except NotFound as e:
            raise InvalidArgument(e.message) from None
        for point in donor.mounts:
            if point.type in ("bind", "volume"):
                found.points[point.destination] = MountPoint(
                    type=point.type,
                    destination=point.destination,
                    name=point.name,
                    source=point.source,
                    driver=point.driver,
                    rw=point.rw and writable(mode),
                    propagation=point.propagation,
                    no_copy=True,
                    subpath=point.subpath,
                    options=dict(point.options),
                )


async def _add(
    rooms: Rooms,
    point: MountPoint,
    taken: set[str],
    found: Registration,
    *,
    labels: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> None:
    if point.destination in taken:
        raise InvalidArgument(f"Duplicate mount point: {point.destination}")
    if point.type == "volume":
        await _make_volume(rooms, point, found, labels=labels, options=options)
        point.mode = point.mode or "z"
    elif point.type == "image":
        image = rooms.images.resolve(point.source)
        point.name, point.source = point.source, image.id
    taken.add(point.destination)
    found.points[point.destination] = point


async def _make_volume(
    rooms: Rooms,
    point: MountPoint,
    found: Registration,
    *,
    labels: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> None:
    anonymous = not point.name
    known = {v.name for v in rooms.volumes.list()}
    volume = await rooms.volumes.create(
        point.name or None,
        point.driver or "local",
        options or {},
        labels or {},
        anonymous=anonymous,
        made_for=found.container_id,
    )
    if volume.name not in known:
        found.made.append(volume.name)
    point.name, point.driver, point.source = volume.name, volume.driver, volume.mountpoint
    if not point.no_copy:
        found.new.add(point.destination)


async def _add_image_volumes(rooms: Rooms, config: ContainerConfig, host: HostConfig, found: Registration) -> None:
    """Make an anonymous volume for each VOLUME that nothing else is mounted on."""
    tmpfs = set(map(clean, host.tmpfs or {}))
    for target in sorted(config.volumes or {}):
        destination = clean(target)
        if not destination.startswith("/") or destination == "/":
            raise InvalidArgument(f"invalid volume specification: '{target}'")
        if destination in found.points or destination in tmpfs:
            continue
        point = MountPoint(type="volume", destination=destination)
        await _make_volume(rooms, point, found)
        found.points[destination] = point
