"""The verbs that change a container in place: rename, update, resize, connect, disconnect."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pogu.engine.containers.create.facts import host_facts
from pogu.engine.containers.create.networking import check_endpoint
from pogu.engine.containers.create.resources import check_resources
from pogu.engine.containers.create.settings import check_restart_policy
from pogu.engine.containers.files import link_lines, write_files
from pogu.engine.containers.lifecycle.sandbox import asked, has_sandbox
from pogu.engine.containers.lifecycle.specification import resources_of
from pogu.engine.containers.lifecycle.state import is_live, require_live, require_not_leaving
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.model import Container, EndpointSettings, HostConfig, RestartPolicy
from pogu.engine.naming import NAME
from pogu.engine.networks.endpoint_check import check_settings
from pogu.errors import Conflict, Forbidden, InvalidArgument, NotFound, PoguError
from pogu.failpoints import step

_UPDATABLE = (
    "blkio_weight blkio_weight_device blkio_device_read_bps blkio_device_write_bps blkio_device_read_iops "
    "blkio_device_write_iops cpu_shares nano_cpus cpu_period cpu_quota cpuset_cpus cpuset_mems memory memory_swap "
    "memory_reservation cpu_realtime_period cpu_realtime_runtime pids_limit"
).split()


async def rename(rooms: Rooms, entry: Entry, name: str) -> None:
    """Give a container another name.

    Raises:
        InvalidArgument: no or a bad name, or its present one.
        Conflict: another container has it.
    """
    name = name.removeprefix("/")
    if not name:
        raise InvalidArgument("Neither old nor new names may be empty")
    if not NAME.fullmatch(name):
        raise InvalidArgument(
            f"Error when allocating new name: Invalid container name (/{name}), "
            "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
        )
    async with entry.lock:
        require_not_leaving(entry, f"container {entry.id} is marked for removal and cannot be renamed")
        old = entry.record.name
        if name == old:
            raise InvalidArgument("Renaming a container with the same name as its current name")
        try:
            rooms.table.reserve(name, entry.id)
        except Conflict as e:
            raise Conflict(f"Error when allocating new name: {e.message}") from None
        entry.record.name = name
        rooms.networks.rename(entry.id, name)
        try:
            await rooms.save(entry)
        except BaseException:
            entry.record.name = old
            rooms.networks.rename(entry.id, old)
            rooms.table.release(name, entry.id)
            raise
        rooms.table.release(old, entry.id)
        rooms.publish(entry, "rename", oldName=f"/{old}")


async def update(rooms: Rooms, entry: Entry, resources: Mapping[str, Any], policy: RestartPolicy | None) -> list[str]:
    """Change limits (fields of HostConfig, only those given) and the restart policy; return warnings.

    Raises:
        InvalidArgument: a value is wrong on its own.
        Conflict: it contradicts what is set, the container is being removed, or the kernel refuses it.
    """
    wanted = HostConfig(**{k: v for k, v in resources.items() if k in _UPDATABLE})
    warnings = check_resources(wanted, host_facts(), update=True)
    if policy and policy.name:
        check_restart_policy(policy)
    async with entry.lock:
        prefix = f"Cannot update container {entry.id}: "
        require_not_leaving(entry, f'{prefix}container is marked for removal and cannot be "update"')
        record, before = entry.record, entry.record.host_config
        try:
            record.host_config = _updated(record, wanted, policy)
        except Conflict as e:
            raise Conflict(prefix + e.message) from None
        try:
            await _apply(rooms, entry, wanted)
            await rooms.save(entry)
        except PoguError as e:
            record.host_config = before
            raise type(e)(prefix + e.message) from None
        except BaseException:
            record.host_config = before
            raise
    rooms.publish(entry, "update")
    return warnings


async def _apply(rooms: Rooms, entry: Entry, wanted: HostConfig) -> None:
    """Change the limits of a running container; one that ends just now gets them at its next start."""
    if not is_live(entry.record):
        return
    try:
        await rooms.supervisor.update(entry.id, resources_of(rooms, wanted))
    except (Conflict, NotFound):
        pass
    except PoguError as e:  # the kernel refuses it, for what the container uses or has set now
        raise Conflict(e.message) from None


def _updated(record: Container, wanted: HostConfig, policy: RestartPolicy | None) -> HostConfig:
    """Return the container's HostConfig with what is wanted in it. Raises Conflict."""
    old = record.host_config
    for new_name, old_name, text in (
        ("nano_cpus", "cpu_period", "Nano CPUs cannot be updated as CPU Period has already been set"),
        ("nano_cpus", "cpu_quota", "Nano CPUs cannot be updated as CPU Quota has already been set"),
        ("cpu_period", "nano_cpus", "CPU Period cannot be updated as NanoCPUs has already been set"),
        ("cpu_quota", "nano_cpus", "CPU Quota cannot be updated as NanoCPUs has already been set"),
    ):
        if (getattr(wanted, new_name) or 0) > 0 and (getattr(old, old_name) or 0) > 0:
            raise Conflict(f"Conflicting options: {text}")
    if wanted.memory and not wanted.memory_swap and 0 <= (old.memory_swap or 0) < wanted.memory:
        raise Conflict(
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time"
        )
    swap, memory = wanted.memory_swap or 0, wanted.memory or old.memory or 0
    if swap > 0 and not memory:
        raise Conflict("You should always set the Memory limit when using Memoryswap limit, see usage")
    if 0 < swap < memory:
        raise Conflict("Minimum memoryswap limit should be larger than memory limit, see usage")
    if policy and policy.name and policy.name != "no" and old.auto_remove:
        raise Conflict("Restart policy cannot be updated because AutoRemove is enabled for the container")
    new = HostConfig.decode(old.encode())
    for name in _UPDATABLE:
        value = getattr(wanted, name)
        if value or (name == "pids_limit" and value is not None):
            setattr(new, name, value)
    if policy and policy.name:
        new.restart_policy = policy
    return new


async def remove_link(rooms: Rooms, name: str) -> None:
    """Remove the legacy link `container/alias`; the two containers stay.

    Raises:
        NotFound: no such container, or it has no such link.
        Conflict: it is a container's own name.
    """
    parent, _, alias = name.strip("/").rpartition("/")
    if not parent:
        rooms.table.find(name)
        raise Conflict("Conflict, cannot remove the default link name of the container")
    try:
        entry = rooms.table.find(parent)
    except NotFound:
        raise NotFound(f"No such container: {name}") from None
    async with entry.lock:
        host = entry.record.host_config
        kept = [link for link in host.links or [] if (link.rpartition(":")[2]).rpartition("/")[2] != alias]
        if len(kept) == len(host.links or []):
            raise NotFound(f"Cannot get child {name}: no such link")
        host.links = kept
        await _rewrite(rooms, entry)


async def resize(rooms: Rooms, entry: Entry, height: int, width: int) -> None:
    """Set the size of a container's terminal. Raises Conflict when it does not run."""
    require_live(entry)
    if entry.record.config.tty:
        await rooms.supervisor.resize(entry.id, height, width)
    rooms.publish(entry, "resize", height=str(height), width=str(width))


async def connect(rooms: Rooms, network_ref: str, entry: Entry, wanted: EndpointSettings) -> None:
    """Connect a container to one more network, now if it runs, else at its next start.

    Raises:
        NotFound: no such network.
        Forbidden, InvalidArgument: its mode or the request does not allow it.
        Conflict: it is connected already, or being removed.
    """
    network = rooms.networks.get(network_ref)
    check_endpoint(network.name, wanted)
    async with entry.lock:
        record = entry.record
        require_not_leaving(
            entry,
            f"Container {entry.id} is marked for removal and cannot be connected or disconnected to the network",
        )
        _check_connectable(record, network.name)
        if network.name in record.networks:
            raise Forbidden(f"endpoint with name {record.name} already exists in network {network.name}")
        check_settings(network, wanted)
        wanted.network_id = network.id
        if is_live(record):
            endpoint = await rooms.networks.join(
                entry.id, network, wanted, container_name=record.name, hostname=record.config.hostname or ""
            )
        else:
            endpoint = asked(wanted)
            endpoint.mac_address = wanted.mac_address
        before = record.networks
        try:
            step("container.connect.joined")
            record.networks = {**before, network.name: endpoint}
            await _rewrite(rooms, entry)
        except BaseException:
            record.networks = before
            await asyncio.shield(rooms.networks.leave(entry.id, network.id))
            raise
        step("container.connect.recorded")


def _check_connectable(record: Container, network: str) -> None:
    mode = record.host_config.network_mode or ""
    if network == "host":
        raise InvalidArgument(
            "cannot connect container to host network - container must be created in host network mode"
        )
    if not has_sandbox(record):
        raise InvalidArgument(
            "container sharing network namespace with another container or host "
            "cannot be connected to any other network"
        )
    if (mode == "none" or network == "none") and record.networks:
        raise InvalidArgument(
            "container cannot be connected to multiple networks with one of the networks in private (none) mode"
        )


async def disconnect(rooms: Rooms, network_ref: str, entry: Entry, force: bool) -> None:
    """Take a container off a network; `force` does not mind what of the network is gone.

    Raises:
        NotFound: no such network.
        Conflict, InvalidArgument: it is not connected, or in the host's network.
    """
    try:
        network = rooms.networks.get(network_ref)
        name, id_ = network.name, network.id
    except NotFound:
        if not force or network_ref not in entry.record.networks:
            raise
        name, id_ = network_ref, entry.record.networks[network_ref].network_id or ""
    async with entry.lock:
        record = entry.record
        require_not_leaving(
            entry,
            f"Container {entry.id} is marked for removal and cannot be connected or disconnected to the network",
        )
        if name == "host":
            raise InvalidArgument(
                "cannot disconnect container from host network - container was created in host network mode"
            )
        if name not in record.networks:
            raise Conflict(f"container {entry.id} is not connected to network {name}")
        if is_live(record):
            await rooms.networks.leave(entry.id, id_)
        before = record.networks
        try:
            step("container.disconnect.left")
            record.networks = {n: e for n, e in before.items() if n != name}
            await _rewrite(rooms, entry)
        except BaseException:
            await asyncio.shield(_reconnect(rooms, entry, before, name))
            raise
        step("container.disconnect.recorded")


async def _reconnect(rooms: Rooms, entry: Entry, before: dict[str, EndpointSettings], name: str) -> None:
    """Undo a disconnection that could not be recorded; the endpoint may get another address."""
    record = entry.record
    if is_live(record):
        wanted = asked(before[name])
        endpoint = await rooms.networks.join(
            entry.id,
            rooms.networks.get(name),
            wanted,
            container_name=record.name,
            hostname=record.config.hostname or "",
        )
        before = {**before, name: endpoint}
    record.networks = before


async def _rewrite(rooms: Rooms, entry: Entry) -> None:
    """Bring the container's files up to its addresses, and commit."""
    if is_live(entry.record):
        lines, _ = link_lines(rooms, entry.record)
        await write_files(rooms, entry, lines)
    await rooms.save(entry)
