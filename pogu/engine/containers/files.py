"""The files that the engine writes for a container: hosts, hostname, resolv.conf; and its modes of sharing."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from pogu.engine.containers.create.networking import is_user_defined
from pogu.engine.containers.create.settings import split_extra_host
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.model import Container, MountPoint
from pogu.engine.networks.resolver_files import hosts_file, resolv_conf
from pogu.errors import Conflict, NotFound

NAMES = ("resolv.conf", "hostname", "hosts")


def is_container_mode(mode: str | None) -> bool:
    """Tell whether a namespace mode is another container's."""
    return bool(mode) and str(mode).startswith("container:")


async def write_files(rooms: Rooms, entry: Entry, links: list[tuple[str, str]]) -> None:
    """Write the container's files for the addresses it has now; `links` are (address, names) lines for hosts.

    In another container's network namespace its files are used instead, and nothing is written.
    """
    if not is_container_mode(entry.record.host_config.network_mode):
        await asyncio.to_thread(_write_all, rooms.directory(entry.id), _texts(rooms, entry.record, links))


def _texts(rooms: Rooms, record: Container, links: list[tuple[str, str]]) -> dict[str, str]:
    config, host = record.config, record.host_config
    extra = _extra_hosts(rooms, record)
    if host.network_mode == "host":
        hosts = _host_text("/etc/hosts") + "".join(f"{a}\t{n}\n" for n, a in extra)
    else:
        addresses = [a for e in record.networks.values() for a in (e.ip_address, e.global_ipv6_address) if a]
        hosts = hosts_file(config.hostname or "", config.domainname or "", addresses, extra, links)
    return {"hostname": f"{config.hostname}\n", "hosts": hosts, "resolv.conf": _resolv_conf(rooms, record)}


def _resolv_conf(rooms: Rooms, record: Container) -> str:
    host, daemon = record.host_config, rooms.config
    return resolv_conf(
        host.dns or daemon.dns,
        host.dns_search or daemon.dns_search,
        host.dns_options or daemon.dns_options,
        host_text=_host_text("/etc/resolv.conf"),
        keep_local=host.network_mode == "host",
        internal=rooms.networks.has_resolver(record.id),
    )


def _extra_hosts(rooms: Rooms, record: Container) -> list[tuple[str, str]]:
    """Return (name, address) of each `--add-host`, `host-gateway` resolved."""
    found = []
    for entry in record.host_config.extra_hosts or []:
        name, address = split_extra_host(entry)
        if address != "host-gateway":
            found.append((name, address))
            continue
        gateways = rooms.config.host_gateway_ips or [e.gateway for e in record.networks.values() if e.gateway]
        found.extend((name, g) for g in gateways if g)
    return found


def _host_text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _write_all(directory: Path, texts: dict[str, str]) -> None:
    """Write in place: a running container has these very inodes mounted."""
    for name, text in texts.items():
        with (directory / name).open("wb", buffering=0) as file:
            file.write(text.encode())
            os.fchmod(file.fileno(), 0o644)


def file_mounts(rooms: Rooms, record: Container) -> list[MountPoint]:
    """Return the bind mounts of the container's files, but for those it mounts itself."""
    owner = _owner(rooms, record)
    own = {p.destination for p in record.mounts}
    read_only = bool(record.host_config.readonly_rootfs)
    points = []
    for name in NAMES:
        if f"/etc/{name}" not in own:
            source = str(rooms.directory(owner) / name)
            points.append(
                MountPoint(
                    type="bind", destination=f"/etc/{name}", source=source, rw=not read_only, propagation="rprivate"
                )
            )
    return points


def _owner(rooms: Rooms, record: Container) -> str:
    """Return the ID of the container whose files this one has: where it shares a network namespace, whose that is."""
    seen = {record.id}
    while is_container_mode(mode := record.host_config.network_mode):
        record = rooms.table.find(str(mode).partition(":")[2]).record
        if record.id in seen:  # renamed since, into a circle
            raise Conflict("cannot join own network namespace")
        seen.add(record.id)
    return record.id


def link_lines(rooms: Rooms, record: Container) -> tuple[list[tuple[str, str]], list[str]]:
    """Return the hosts lines (address, names) and the environment of legacy links on the default bridge.

    Linked containers that do not run are left out, as dockerd leaves out what has no address.
    """
    lines: list[tuple[str, str]] = []
    variables: list[str] = []
    if is_user_defined(record.host_config.network_mode or ""):
        return lines, variables
    for link in record.host_config.links or []:
        target, _, alias = link.partition(":")
        try:
            other = rooms.table.find(target).record
        except NotFound:
            continue
        alias = (alias or target).rpartition("/")[2]
        address = next((e.ip_address for e in other.networks.values() if e.ip_address), "")
        if address:
            lines.append((address, " ".join(dict.fromkeys([alias, other.config.hostname or "", other.name]))))
            variables += _link_environment(record, other, alias, address)
    return lines, variables


def _link_environment(record: Container, other: Container, alias: str, address: str) -> list[str]:
    """Return the variables that `--link` has always set: ALIAS_NAME, ALIAS_PORT…, ALIAS_ENV_…"""
    prefix = alias.upper().replace("-", "_")
    variables = [f"{prefix}_NAME=/{record.name}/{alias}"]
    ports = sorted((other.config.exposed_ports or {}), key=lambda p: (int(p.partition("/")[0].partition("-")[0]), p))
    for index, port in enumerate(ports):
        number, _, protocol = port.partition("/")
        protocol = protocol or "tcp"
        url = f"{protocol}://{address}:{number}"
        if index == 0:
            variables.append(f"{prefix}_PORT={url}")
        base = f"{prefix}_PORT_{number}_{protocol.upper()}"
        variables += [f"{base}={url}", f"{base}_ADDR={address}", f"{base}_PORT={number}", f"{base}_PROTO={protocol}"]
    for variable in other.config.env or []:
        name, _, value = variable.partition("=")
        if name not in ("HOME", "PATH"):
            variables.append(f"{prefix}_ENV_{name}={value}")
    return variables
