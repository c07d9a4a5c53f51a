"""The verb `create`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from pogu.engine.containers.create.defaults import fill_config, fill_host_config
from pogu.engine.containers.create.facts import host_facts
from pogu.engine.containers.create.merge import as_list, merge_image_config
from pogu.engine.containers.create.networking import check_networking, initial_endpoints
from pogu.engine.containers.create.registration import Registration, discard_volumes, register_mounts
from pogu.engine.containers.create.resources import check_resources
from pogu.engine.containers.create.settings import (
    check_cgroup_parent,
    check_config,
    check_host_config,
    check_modes_together,
)
from pogu.engine.containers.create.strings import check_security_options, check_strings
from pogu.engine.containers.files import is_container_mode
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.rootfs import copy_up, mounted_root
from pogu.engine.containers.table import KIND, Entry
from pogu.engine.images import Image, host_platform
from pogu.engine.logs import rotation_policy
from pogu.engine.model import Container, ContainerConfig, HostConfig, NetworkingConfig
from pogu.engine.moments import now_rfc3339
from pogu.engine.naming import check_name, new_id
from pogu.engine.state import Put
from pogu.errors import InvalidArgument, NotFound, PoguError
from pogu.failpoints import step


@dataclass(frozen=True, slots=True)
class Created:
    """A container that exists now, and what of the request this host cannot do."""

    id: str
    warnings: list[str]


async def create(
    rooms: Rooms,
    name: str | None,
    config: ContainerConfig | None,
    host: HostConfig | None,
    *,
    networking: NetworkingConfig | None,
    platform: str | None = None,
    base: Image | None = None,
    purpose: str = "",
    passing_env: Sequence[str] = (),
) -> Created:
    """Make a container's record and writable layer; nothing of it runs or is mounted yet.

    The arguments are the new container's from now on. On failure nothing is left. `base` is an image in place of the
    one that `config` names; it need not be among the engine's. `purpose` is kept in the record; `passing_env` are
    variables that are not, so that it can be started while this daemon runs, and is not to be restarted.

    Raises:
        InvalidArgument: a setting is wrong, alone, together with others or on this host.
        NotFound: no such image, or no such container to share namespaces with.
        Conflict: the name is taken.
    """
    rooms.supervisor.expect()  # most are started as soon as they are made
    if config is None:
        raise InvalidArgument("config cannot be empty in order to create a container")
    host = host or HostConfig()
    warnings = check_request(rooms, config, host, networking)
    if name is not None and name.strip("/"):
        name = check_name(name.removeprefix("/"), "container", shown=name)
    image = base
    if image is None and config.image:
        image = rooms.images.resolve(config.image, platform or "")
    config = _merge(config, image)
    warnings += _platform_warnings(image, platform)
    _resolve_modes(rooms, host)
    entry = _new_entry(rooms, name or None, config=config, host=host, networking=networking, image=image)
    entry.record.purpose = purpose
    entry.passing_env = list(passing_env)
    try:
        await _make(rooms, entry, image)
    except BaseException:
        rooms.table.release(entry.record.name, entry.id)
        raise
    rooms.table.add(entry)
    step("container.create.recorded")
    rooms.publish(entry, "create")
    if host.port_bindings or host.publish_all_ports:
        warnings += await rooms.networks.publish_warnings(host.network_mode or "bridge")
    return Created(entry.id, warnings)


def check_request(
    rooms: Rooms, config: ContainerConfig, host: HostConfig, networking: NetworkingConfig | None
) -> list[str]:
    """Check all that can be checked without the image, fill in the daemon's defaults, and return warnings.

    Raises:
        InvalidArgument: with dockerd's words.
    """
    config.cmd, config.entrypoint = as_list(config.cmd), as_list(config.entrypoint)
    check_strings(config, host)
    check_config(config)
    check_host_config(host)
    check_cgroup_parent(host.cgroup_parent, rooms.config.cgroup_driver)
    facts = host_facts()
    warnings = check_resources(host, facts)
    if host.network_mode == "host" and host.port_bindings:
        warnings.append("Published ports are discarded when using host network mode")
    check_security_options(host)
    fill_host_config(host, rooms.config, facts.cgroup_v2)
    check_modes_together(config, host)
    if host.log_config:
        rotation_policy(host.log_config.type or "", host.log_config.config or {})
    known = {"crun", "runc", *rooms.config.runtimes}
    if host.runtime not in known:
        raise InvalidArgument(f"unknown or invalid runtime name: {host.runtime}")
    check_networking(networking)
    return warnings


def _merge(config: ContainerConfig, image: Image | None) -> ContainerConfig:
    merged = merge_image_config(config, image.config if image else ContainerConfig())
    check_config(merged)
    return merged


def _platform_warnings(image: Image | None, platform: str | None) -> list[str]:
    """Say where an image was made for other machines and nobody asked for that."""
    if image is None or platform or host_platform().runs(image.platform):
        return []
    return [
        f"The requested image's platform ({image.platform}) does not match the detected host platform "
        f"({host_platform()}) and no specific platform was requested"
    ]


def _resolve_modes(rooms: Rooms, host: HostConfig) -> None:
    """Write full IDs into `container:NAME` modes, so that a rename does not change what they mean.

    That there is no container whose network to join is told when this one starts, as dockerd does: the docker command
    takes a 404 from a create for a missing image, and pulls.

    Raises:
        NotFound: no such container whose processes or IPC to join.
        InvalidArgument: no such container to link with.
    """
    for field in ("network_mode", "ipc_mode", "pid_mode"):
        mode = getattr(host, field) or ""
        if is_container_mode(mode):
            with contextlib.suppress(NotFound) if field == "network_mode" else contextlib.nullcontext():
                setattr(host, field, f"container:{rooms.table.find(mode.partition(':')[2]).id}")
    for link in host.links or []:
        name = link.partition(":")[0]
        try:
            rooms.table.find(name)
        except NotFound as e:
            raise InvalidArgument(f"could not get container for {name}: {e.message}") from None


def _new_entry(
    rooms: Rooms,
    name: str | None,
    *,
    config: ContainerConfig,
    host: HostConfig,
    networking: NetworkingConfig | None,
    image: Image | None,
) -> Entry:
    """Return the container's entry, its name reserved."""
    id_ = new_id()
    fill_config(config, host, id_, os.uname().nodename)
    endpoints = initial_endpoints(config, host, networking, lambda ref: _network_name(rooms, ref))
    command = [*(config.entrypoint or []), *(config.cmd or [])]
    record = Container(
        id=id_,
        name="",
        created=now_rfc3339(),
        image_id=image.id if image else "",
        config=config,
        host_config=host,
        path=command[0],
        args=command[1:],
        networks=endpoints,
        driver=rooms.storage.name,
        log_path=str(rooms.spool(id_)),
    )
    if name is None:
        record.name = rooms.table.reserve_new(id_)
    else:
        rooms.table.reserve(name, id_)
        record.name = name
    return Entry(record)


def _network_name(rooms: Rooms, ref: str) -> str:
    try:
        return rooms.networks.get(ref).name
    except NotFound:
        return ref  # told when the container starts, as dockerd does


async def _make(rooms: Rooms, entry: Entry, image: Image | None) -> None:
    """Make directory, volumes and writable layer, copy image content up, and commit the record."""
    record = entry.record
    directory = rooms.directory(entry.id)
    mounts: Registration | None = None
    try:
        directory.mkdir(parents=True, mode=0o710)
        step("container.create.directory")
        mounts = await register_mounts(rooms, entry.id, record.config, record.host_config)
        step("container.create.volumes")
        record.mounts = [mounts.points[d] for d in sorted(mounts.points)]
        await rooms.storage.create(entry.id, image.chain_id if image else None, _size_limit(record.host_config))
        step("container.create.layer")
        if mounts.new:
            await _copy_image_content(rooms, record, mounts.new)
            step("container.create.copied")
        await rooms.state.commit(Put(KIND, entry.id, record.encode()), *rooms.volumes.keeping(mounts.made))
        rooms.volumes.kept(mounts.made)
    except BaseException:
        await asyncio.shield(_unmake(rooms, entry, mounts))
        raise


def _size_limit(host: HostConfig) -> int | None:
    """Return `--storage-opt size=` in bytes."""
    for key, value in (host.storage_opt or {}).items():
        if key != "size":
            raise InvalidArgument(f"unknown storage option: {key}")
        number, unit = value.rstrip("bBiI").rstrip("kKmMgGtT"), value.rstrip("bBiI")[-1:].lower()
        if not (number.isascii() and number.isdigit()):
            raise InvalidArgument(f"invalid size: '{value}'")
        return int(number) << {"k": 10, "m": 20, "g": 30, "t": 40}.get(unit, 0)
    return None


async def _copy_image_content(rooms: Rooms, record: Container, destinations: set[str]) -> None:
    async with mounted_root(rooms, record.id) as root:
        for point in record.mounts:
            if point.destination in destinations:
                await copy_up(rooms, record.id, point, root)


async def _unmake(rooms: Rooms, entry: Entry, mounts: Registration | None) -> None:
    try:
        await rooms.storage.remove(entry.id)
    except PoguError:
        pass
    if mounts:
        await discard_volumes(rooms, mounts)
    await asyncio.to_thread(shutil.rmtree, rooms.directory(entry.id), True)
