"""Bringing a container up: root, volumes and network side by side, then the runtime, then one commit."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from pogu.engine.containers import health, times
from pogu.engine.containers.files import file_mounts, link_lines, write_files
from pogu.engine.containers.lifecycle.sandbox import close_network, forget_endpoints, open_network
from pogu.engine.containers.lifecycle.sharing import require_donors
from pogu.engine.containers.lifecycle.shm import unmount_shm
from pogu.engine.containers.lifecycle.specification import launch_spec
from pogu.engine.containers.lifecycle.state import set_running
from pogu.engine.containers.places import clear_places, prepare_places
from pogu.engine.containers.rooms import Rooms, log
from pogu.engine.containers.rootfs import mount_volumes, unmount_volumes
from pogu.engine.containers.table import Entry, WaitResult
from pogu.engine.model import MountPoint
from pogu.engine.moments import now_rfc3339
from pogu.errors import CommandNotExecutable, CommandNotFound, PoguError
from pogu.failpoints import step


async def launch(rooms: Rooms, entry: Entry) -> None:
    """Start the container's program; `entry.lock` is held and the container has no process.

    Afterwards the record says running and is committed, and the exit is watched. On failure everything made for the
    start is gone, the error and an exit code (127, 126, 128) are in the record, and the error is raised.
    """
    if entry.cleaning:
        await asyncio.shield(entry.cleaning)
    rooms.supervisor.expect()
    entry.oom_early = False
    try:
        pid = await _bring_up(rooms, entry)
        set_running(entry.record.state, pid, now_rfc3339())
        entry.since_ns = time.monotonic_ns()
        entry.record.state.health = health.initial(entry.record)
        await rooms.save(entry)
    except BaseException as e:
        await asyncio.shield(_give_up(rooms, entry, e))
        raise
    entry.up.set()
    step("container.start.recorded")
    rooms.publish(entry, "start")
    rooms.on_started(entry)
    health.begin(rooms, entry)


async def _bring_up(rooms: Rooms, entry: Entry) -> int:
    namespace, mounts = await _prepare(rooms, entry)
    lines, variables = link_lines(rooms, entry.record)
    step("container.start.prepared")
    writing = asyncio.ensure_future(write_files(rooms, entry, lines))
    try:
        spec = await launch_spec(rooms, entry, namespace, [*mounts, *file_mounts(rooms, entry.record)], variables)
    finally:
        await writing
    step("container.start.files")
    try:
        pid = await rooms.supervisor.create(spec)
        step("container.start.created")
        await rooms.supervisor.start(entry.id)
    except PoguError:
        require_donors(rooms, entry)  # the better reason, if it is one
        raise
    step("container.start.running")
    return pid


async def _prepare(rooms: Rooms, entry: Entry) -> tuple[Path | None, list[MountPoint]]:
    """Open the network and mount the files at the same time; wait for both even if one fails, so both can be undone."""
    network = asyncio.create_task(open_network(rooms, entry))
    files = asyncio.create_task(_mount(rooms, entry))
    await asyncio.wait((network, files))
    for task in (files, network):
        if error := task.exception():
            (network if task is files else files).exception()
            raise error
    return network.result(), files.result()


async def _mount(rooms: Rooms, entry: Entry) -> list[MountPoint]:
    root = await rooms.roots.acquire(entry.id)
    entry.holds_root = True
    step("container.start.mounted")
    prepare = clear_places if entry.record.purpose else prepare_places  # no marks in builds, as with BuildKit
    await asyncio.to_thread(prepare, root)  # a dozen look-ups, while the network is made
    volumes = await mount_volumes(rooms, entry.record)
    step("container.start.volumes")
    return volumes


async def _give_up(rooms: Rooms, entry: Entry, error: BaseException) -> None:
    """Undo a start that failed and keep why."""
    record = entry.record
    message = error.message if isinstance(error, PoguError) else f"{type(error).__name__}: {error}"
    code = 127 if isinstance(error, CommandNotFound) else 126 if isinstance(error, CommandNotExecutable) else 128
    await tear_down(rooms, entry)
    record.ports = {}
    forget_endpoints(entry)
    state = record.state
    was_created = not times.was_started(state.started_at)
    state.running = state.paused = state.restarting = False
    state.status = "created" if was_created else "exited"
    state.pid, state.exit_code, state.error = 0, code, message
    try:
        await rooms.save(entry)
    except PoguError as e:
        log.error("container %s: its failed start could not be recorded: %s", entry.id, e)
    entry.settle_exit(WaitResult(code))
    await rooms.on_abandoned(entry)


async def tear_down(rooms: Rooms, entry: Entry) -> None:
    """Remove what a run leaves behind: runtime state, network, mounts. Each part is tried whatever the others do."""
    parts = (
        rooms.supervisor.delete(entry.id),
        close_network(rooms, entry),
        unmount_volumes(rooms, entry.record),
        _unmount(rooms, entry),
        unmount_shm(rooms, entry),
    )
    for part in parts:
        try:
            await part
            step("container.clear.part")
        except (PoguError, OSError) as e:
            log.warning("container %s: clean-up: %s", entry.id, e)


async def _unmount(rooms: Rooms, entry: Entry) -> None:
    if entry.holds_root:
        entry.holds_root = False
        await rooms.roots.release(entry.id)
