"""A record as the runtime wants it: the specification to launch, the processes to exec, the limits to change."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pogu.engine.containers.files import is_container_mode
from pogu.engine.containers.lifecycle.sharing import ipc_donor, namespace_path, pid_donor
from pogu.engine.containers.lifecycle.shm import shm_mount
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.model import Container, HostConfig, MountPoint
from pogu.engine.runtime import (
    HostFacts,
    LaunchSpec,
    Namespace,
    Namespaces,
    oci_resources,
    oci_spec,
    process_env,
    read_host,
    resolve_user,
)
from pogu.engine.runtime import exec_process as runtime_exec_process
from pogu.errors import Conflict

if TYPE_CHECKING:
    from pogu.engine.containers.execs import ExecConfig

Json = dict[str, Any]


@functools.lru_cache(maxsize=8)
def host(init: str) -> HostFacts:
    """Return the facts of this host, read once; `init` is the configured init program."""
    return read_host(init)


async def launch_spec(
    rooms: Rooms, entry: Entry, network: Path | None, mounts: Sequence[MountPoint], links: Sequence[str]
) -> LaunchSpec:
    """Return what the supervisor needs to create the container.

    Args:
        network: the network namespace, None for the host's.
        mounts: binds, volumes and files, with their host paths.
        links: the variables of legacy links.

    Raises:
        InvalidArgument: the user or group is not in the image, or a device does not exist.
        NotFound, Conflict: a container to share namespaces with is gone or not running.
    """
    record = entry.record
    wanted, root = record.host_config, rooms.roots.path(entry.id)
    user = await asyncio.to_thread(resolve_user, root, record.config.user or "", wanted.group_add)
    shared = await shm_mount(rooms, entry)
    spec = oci_spec(
        record,
        rootfs=root,
        user=user,
        namespaces=_namespaces(rooms, entry, network),
        mounts=[*mounts, *([shared] if shared else [])],
        host=host(rooms.config.init_path),
        config=rooms.config,
        env=process_env(record, user, links=links, own=entry.passing_env),
    )
    entry.process = spec["process"]
    directory = rooms.directory(entry.id)
    return LaunchSpec(
        id=entry.id,
        spec=spec,
        log_path=rooms.spool(entry.id),
        persist_dir=directory / "exit",
        terminal=bool(record.config.tty),
        stdin=bool(record.config.open_stdin),
        stdin_once=bool(record.config.stdin_once),
        runtime=wanted.runtime or "",
    )


def _namespaces(rooms: Rooms, entry: Entry, network: Path | None) -> Namespaces:
    wanted = entry.record.host_config
    ipc: Namespace = "host" if wanted.ipc_mode == "host" else "private"
    if donor := ipc_donor(rooms, entry):
        ipc = namespace_path(donor, "ipc")
    pid: Namespace = "host" if wanted.pid_mode == "host" else "private"
    if donor := pid_donor(rooms, entry):
        pid = namespace_path(donor, "pid")
    uts: Namespace = "host" if wanted.uts_mode == "host" else "private"
    if is_container_mode(wanted.network_mode) and uts == "private":
        # with its network a container shares the other's host name, as in Docker
        uts = namespace_path(rooms.table.find((wanted.network_mode or "").partition(":")[2]), "uts")
    return Namespaces(
        network="host" if network is None else network,
        ipc=ipc,
        pid=pid,
        uts=uts,
        cgroup="private" if wanted.cgroupns_mode == "private" else "host",
    )


async def exec_process(rooms: Rooms, entry: Entry, config: ExecConfig) -> Json:
    """Return the OCI process of an exec. Raises InvalidArgument where its user does not exist."""
    return await _process(
        rooms,
        entry,
        config.cmd,
        user=config.user,
        env=config.env,
        cwd=config.working_dir,
        privileged=config.privileged,
        terminal=config.tty,
        console_size=config.console_size,
    )


async def probe_process(rooms: Rooms, entry: Entry, argv: Sequence[str]) -> Json:
    """Return the OCI process of a healthcheck."""
    return await _process(rooms, entry, argv)


async def _process(
    rooms: Rooms,
    entry: Entry,
    argv: Sequence[str],
    *,
    user: str = "",
    env: Sequence[str] = (),
    cwd: str = "",
    privileged: bool = False,
    terminal: bool = False,
    console_size: Sequence[int] | None = None,
) -> Json:
    record = entry.record
    resolved = await asyncio.to_thread(_resolve_inside, record, user or record.config.user or "")
    return runtime_exec_process(
        await _first_process(rooms, entry),
        argv,
        user=resolved,
        env=process_env(record, resolved, own=env, terminal=terminal),
        host=host(rooms.config.init_path),
        cwd=cwd,
        privileged=privileged,
        terminal=terminal,
        console_size=console_size,
    )


def _resolve_inside(record: Container, user: str) -> Any:
    try:
        fd = os.open(f"/proc/{record.state.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # it ends just now
        raise Conflict(f"container {record.id} is not running") from None
    try:
        return resolve_user(fd, user, record.host_config.group_add)
    finally:
        os.close(fd)


async def _first_process(rooms: Rooms, entry: Entry) -> Json:
    """Return the first process as it was launched; made again where an earlier daemon launched it."""
    if entry.process is None:
        record = entry.record
        user = await asyncio.to_thread(_resolve_inside, record, record.config.user or "")
        spec = oci_spec(
            record,
            rootfs=rooms.roots.path(entry.id),
            user=user,
            namespaces=Namespaces(),
            mounts=[],
            host=host(rooms.config.init_path),
            config=rooms.config,
        )
        entry.process = spec["process"]
    return entry.process


def resources_of(rooms: Rooms, wanted: HostConfig) -> Json:
    """Return OCI resources for an update: only what `wanted` sets."""
    return oci_resources(wanted, host(rooms.config.init_path))
