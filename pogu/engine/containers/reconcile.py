"""The start of the daemon: what the records say against what is really there, after a stop, a crash or a reboot.

- A container that ran and still does is adopted; one that ended meanwhile gets its exit code and its events.
- After a reboot nothing runs; restart policies act.
- What was half-made is removed: launches nobody acknowledged, layers and directories without a record, removals whose
  clean-up was cut short.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pogu.engine.containers import health, times
from pogu.engine.containers.lifecycle.exits import restart_now
from pogu.engine.containers.lifecycle.launch import launch
from pogu.engine.containers.lifecycle.removal import clear
from pogu.engine.containers.lifecycle.restarts import wants_restart
from pogu.engine.containers.lifecycle.sandbox import forget_endpoints, has_sandbox
from pogu.engine.containers.lifecycle.state import is_live
from pogu.engine.containers.rooms import Rooms, log
from pogu.engine.containers.table import KIND, TOMBSTONE, Entry
from pogu.engine.model import Container, EndpointSettings, PortBinding
from pogu.engine.state import Put
from pogu.errors import PoguError
from pogu.linux.boot import boot_id

_META, _BOOT = "meta", "boot-id"


async def reconcile(rooms: Rooms) -> None:
    """Load the records and bring them and the kernel's state together. Called once, before anything is served."""
    _load(rooms)
    rebooted = await _is_new_boot(rooms)
    alive = await _find_alive(rooms, rebooted)
    keep = rooms.keeps_strays or bool(rooms.table.unreadable)
    await _reconcile_networks(rooms, alive, keep)
    if keep:
        log.warning("records are missing or unreadable: what belongs to no container is left as it is")
    else:
        await _clear_strays(rooms, alive)
        await rooms.volumes.discard_unmade()
    await _tidy(rooms)
    for entry in rooms.table:
        if is_live(entry.record):
            if entry.id in alive:
                await _resume(rooms, entry, alive[entry.id])
            rooms.on_started(entry)
    await _finish_removals(rooms)
    _restart(rooms, rebooted)


def _load(rooms: Rooms) -> None:
    for id_, data in rooms.state.load(KIND):
        try:
            record = Container.decode(data)
        except msgspec.DecodeError as e:
            log.error("container %s: its record cannot be read and is left alone: %s", id_, e)
            rooms.table.unreadable[id_] = str(e)
            continue
        entry = Entry(record)
        rooms.table.reserve(record.name, record.id)
        rooms.table.add(entry)


async def _is_new_boot(rooms: Rooms) -> bool:
    now = boot_id().encode()
    known = dict(rooms.state.load(_META)).get(_BOOT)
    if known == now:
        return False
    await rooms.state.commit(Put(_META, _BOOT, now))
    return known is not None


async def _find_alive(rooms: Rooms, rebooted: bool) -> dict[str, int]:
    """Adopt what the records call running; return the PIDs of those that are. The others' exits can be waited for."""
    alive: dict[str, int] = {}
    for entry in rooms.table:
        if not is_live(entry.record):
            continue
        try:
            pid = await rooms.supervisor.adopt(entry.id, rooms.directory(entry.id) / "exit")
        except (PoguError, OSError) as e:
            log.error("container %s cannot be taken up again: %s", entry.id, e)
            continue
        if pid is not None:
            alive[entry.id] = pid
    if rebooted and alive:
        log.warning("the boot ID has changed, but %d containers still run", len(alive))
    return alive


async def _resume(rooms: Rooms, entry: Entry, pid: int) -> None:
    """Take a running container up where the earlier daemon left it."""
    entry.record.state.pid = pid
    rooms.roots.adopt(entry.id)
    entry.holds_root = True
    for point in entry.record.mounts:
        if point.type == "volume":
            try:
                await rooms.volumes.mount(point.name, entry.id, quiet=True)
            except PoguError as e:
                log.warning("container %s: volume %s: %s", entry.id, point.name, e)
    entry.up.set()
    await _set_frozen(rooms, entry)
    if not entry.record.state.paused:
        health.begin(rooms, entry)


async def _set_frozen(rooms: Rooms, entry: Entry) -> None:
    """Bring the container into the state that its record says: a crash in a commit or pause may have left it frozen."""
    change = rooms.supervisor.pause if entry.record.state.paused else rooms.supervisor.resume
    try:
        await change(entry.id)
    except PoguError as e:  # it ends just now
        log.warning("container %s: %s", entry.id, e)


async def _reconcile_networks(rooms: Rooms, alive: Mapping[str, int], keep_strays: bool) -> None:
    live: dict[str, dict[str, EndpointSettings]] = {}
    published: dict[str, Mapping[str, list[PortBinding] | None]] = {}
    for entry in rooms.table:
        record = entry.record
        if entry.id in alive and has_sandbox(record):
            live[entry.id] = {e.network_id or "": e for e in record.networks.values() if e.network_id}
            published[entry.id] = record.ports
    names = {e.id: e.record.name for e in rooms.table}
    servers = {e.id: e.record.host_config.dns or () for e in rooms.table}
    await rooms.networks.reconcile(live, published, names, servers, keep_strays=keep_strays)


async def _clear_strays(rooms: Rooms, alive: Mapping[str, int]) -> None:
    """Remove what belongs to no live container: runtimes' state, mounts, layers and directories."""
    running = {e.id for e in rooms.table if is_live(e.record)}
    for id_ in rooms.supervisor.listing():
        if id_ not in running:
            log.warning("removing half-started container %s", id_)
            await rooms.supervisor.delete(id_)
    known = {e.id for e in rooms.table} | {i for i, _ in rooms.state.load(TOMBSTONE)}
    roots = rooms.roots.path("x").parent
    for path in _children(roots):
        if path.name not in alive and not any(path.name.startswith(f"{i}-") for i in alive):
            await rooms.roots.release(path.name)
    for id_ in rooms.storage.containers():
        if id_ not in known and not any(id_.startswith(f"{i}-") for i in alive):
            await rooms.storage.remove(id_)
    for path in _children(rooms.config.root / "containers"):
        if path.name not in known:
            await asyncio.to_thread(shutil.rmtree, path, True)


async def _tidy(rooms: Rooms) -> None:
    """Put right what a crash left of containers that are known."""
    for entry in rooms.table:
        if not is_live(entry.record):
            await _forget_run(rooms, entry)


def _children(directory: Path) -> list[Path]:
    return list(directory.iterdir()) if directory.is_dir() else []


async def _forget_run(rooms: Rooms, entry: Entry) -> None:
    """A container that does not run has no ports or addresses, whatever its record says of the last run."""
    record = entry.record
    if record.ports or any(e.endpoint_id for e in record.networks.values()):
        record.ports = {}
        forget_endpoints(entry)


async def _finish_removals(rooms: Rooms) -> None:
    for id_, data in rooms.state.load(TOMBSTONE):
        try:
            tombstone = msgspec.json.decode(data)
            record = msgspec.convert(tombstone["record"], Container)
        except (msgspec.DecodeError, msgspec.ValidationError, KeyError) as e:
            log.error("tombstone of container %s cannot be read: %s", id_, e)
            continue
        await clear(rooms, Entry(record, gone=True), tombstone["volumes"])


def _restart(rooms: Rooms, rebooted: bool) -> None:
    """Start what its policy wants running: interrupted restarts, and after a reboot all that ran before."""
    for entry in rooms.table:
        record = entry.record
        if record.state.restarting:
            entry.restarter = rooms.spawn(_resume_restart(rooms, entry), f"restart of {entry.id}")
        elif not record.state.running and _starts_with_daemon(record):
            entry.restarter = rooms.spawn(_start_with_daemon(rooms, entry), f"start of {entry.id}")


def _starts_with_daemon(record: Container) -> bool:
    """Docker's rule: what ever ran and would be restarted after its last exit, `always` even if stopped by hand."""
    return times.was_started(record.state.started_at) and wants_restart(record, record.state.exit_code)


async def _resume_restart(rooms: Rooms, entry: Entry) -> None:
    async with entry.lock:
        await restart_now(rooms, entry)


async def _start_with_daemon(rooms: Rooms, entry: Entry) -> None:
    async with entry.lock:
        entry.restarter = None
        if entry.gone or entry.record.state.running or rooms.stopping:
            return
        try:
            await launch(rooms, entry)
        except PoguError as e:
            log.warning("container %s: it could not be started: %s", entry.id, e.message)
