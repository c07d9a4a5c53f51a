"""A container's network side: its namespace, endpoints and published ports."""

from __future__ import annotations

import copy
from pathlib import Path

from pogu.engine.containers.create.networking import is_user_defined
from pogu.engine.containers.files import is_container_mode
from pogu.engine.containers.lifecycle.sharing import namespace_path, network_donor
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.model import Container, EndpointSettings


def has_sandbox(record: Container) -> bool:
    """Tell whether the container has a network namespace of its own."""
    mode = record.host_config.network_mode or ""
    return mode != "host" and not is_container_mode(mode)


async def open_network(rooms: Rooms, entry: Entry) -> Path | None:
    """Make the container's network and return its namespace; None is the host's. Fills the record's endpoints.

    What a failure leaves is torn down by `close_network`, which the caller calls.

    Raises:
        NotFound: a network, or the container to share with, does not exist.
        Conflict: a port is taken.
    """
    record = entry.record
    donor = network_donor(rooms, entry)
    if donor is not None:
        theirs = donor.record.config
        record.config.hostname, record.config.domainname = theirs.hostname, theirs.domainname
        return namespace_path(donor, "net")
    path = await rooms.networks.open_sandbox(entry.id, record.host_config.dns or ()) if has_sandbox(record) else None
    if record.config.network_disabled:
        record.networks = {}
        return path
    filled: dict[str, EndpointSettings] = {}
    for name, wanted in record.networks.items():
        network = rooms.networks.get(name)
        filled[network.name] = await rooms.networks.join(
            entry.id, network, wanted, container_name=record.name, hostname=record.config.hostname or ""
        )
    record.networks = filled
    host = record.host_config
    exposed = list(record.config.exposed_ports or {})
    if path is not None and (host.port_bindings or exposed):
        record.ports = await rooms.networks.publish(
            entry.id, copy.deepcopy(host.port_bindings or {}), exposed, bool(host.publish_all_ports)
        )
    return path


async def let_go(rooms: Rooms, entry: Entry) -> None:
    """Give back what others may want at once: published ports, and endpoints on networks that could be removed.

    The rest of the network side goes with `close_network`, which need not be waited for.
    """
    record = entry.record
    if any(is_user_defined(name) for name in record.networks):
        await close_network(rooms, entry)
    elif any(record.ports.values()):
        await rooms.networks.unpublish(entry.id)
    record.ports = {}


async def close_network(rooms: Rooms, entry: Entry) -> None:
    """Tear the container's network down. Idempotent."""
    if not is_container_mode(entry.record.host_config.network_mode):
        await rooms.networks.close_sandbox(entry.id)


def forget_endpoints(entry: Entry) -> None:
    """Empty what the kernel gave to the record's endpoints: they go back to what was asked for."""
    record = entry.record
    record.networks = {name: asked(e) for name, e in record.networks.items()}


def asked(endpoint: EndpointSettings) -> EndpointSettings:
    """Return an endpoint as it was asked for, with the network it belongs to."""
    return EndpointSettings(
        ipam_config=endpoint.ipam_config,
        links=endpoint.links,
        aliases=endpoint.aliases,
        mac_address="",
        driver_opts=endpoint.driver_opts,
        gw_priority=endpoint.gw_priority,
        network_id=endpoint.network_id,
        dns_names=endpoint.dns_names,
    )
