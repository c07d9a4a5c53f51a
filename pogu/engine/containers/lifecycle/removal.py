"""Removing a container: first the tombstone, so that nothing brings it back, then what it leaves."""

from __future__ import annotations

import asyncio
import shutil

import msgspec

from pogu.engine.containers.lifecycle.launch import tear_down
from pogu.engine.containers.lifecycle.restarts import cancel_restart
from pogu.engine.containers.lifecycle.sandbox import forget_endpoints, let_go
from pogu.engine.containers.lifecycle.stopping import kill_and_wait
from pogu.engine.containers.rooms import Rooms, log
from pogu.engine.containers.table import KIND, TOMBSTONE, Entry, WaitResult
from pogu.engine.state import Delete, Put
from pogu.errors import Conflict, NotFound, PoguError
from pogu.failpoints import step


async def remove(rooms: Rooms, entry: Entry, *, force: bool, volumes: bool) -> None:
    """Remove a container; with `force` a running one is killed first, with `volumes` its anonymous volumes go too.

    Raises:
        Conflict: it runs, or is being removed already.
    """
    name = entry.record.name
    if entry.record.removal_in_progress or entry.gone:
        raise Conflict(f"removal of container {name} is already in progress")
    while not await _removed(rooms, entry, force=force, volumes=volumes):
        pass


async def _removed(rooms: Rooms, entry: Entry, *, force: bool, volumes: bool) -> bool:
    """Remove it unless somebody starts it meanwhile (a restart that waited for its end); tell whether it is gone."""
    name = entry.record.name
    if entry.record.state.running:
        if not force:
            raise Conflict(f'cannot remove container "/{name}": {_refusal(entry)}')
        entry.restart_cancelled = True
        await kill_and_wait(rooms, entry)
    async with entry.lock:
        if entry.gone:  # --rm was faster
            return True
        if entry.record.state.running:
            return False
        await bury(rooms, entry, volumes=volumes, result=WaitResult(entry.record.state.exit_code))
        return True


def _refusal(entry: Entry) -> str:
    state = entry.record.state
    if state.paused:
        return "container is paused and must be unpaused first"
    kind = "restarting" if state.restarting else "running"
    return f"container is {kind}: stop the container before removing or force remove"


async def bury(rooms: Rooms, entry: Entry, *, volumes: bool, result: WaitResult) -> None:
    """Make the removal of a container without a process durable and tell everybody; `entry.lock` is held.

    When it returns the record and the name are gone and the ports closed. Cgroups, mounts and namespaces go
    afterwards, and after a crash the next start finishes that from the tombstone. Volumes are not left for afterwards:
    others could trip over them.
    """
    record = entry.record
    record.removal_in_progress = True
    cancel_restart(entry)
    anonymous = _anonymous_volumes(rooms, entry) if volumes else []
    step("container.remove.begun")
    await let_go(rooms, entry)
    forget_endpoints(entry)
    tombstone = msgspec.json.encode({"record": msgspec.to_builtins(record), "volumes": anonymous})
    try:
        await rooms.state.commit(Delete(KIND, entry.id), Put(TOMBSTONE, entry.id, tombstone))
    except PoguError:
        record.removal_in_progress = False
        raise
    entry.gone = True
    step("container.remove.buried")
    rooms.table.discard(entry)
    rooms.on_gone(entry)
    remains = rooms.spawn(clear(rooms, entry, anonymous), f"removal of {entry.id}")
    if record.mounts:
        await asyncio.wait((remains,))
    entry.settle_exit(result)
    rooms.publish(entry, "destroy")
    entry.settle_removal(result)


def _anonymous_volumes(rooms: Rooms, entry: Entry) -> list[str]:
    """Return the names of the container's anonymous volumes that no other container uses."""
    names = []
    for point in entry.record.mounts:
        if point.type != "volume":
            continue
        try:
            volume = rooms.volumes.get(point.name)
        except NotFound:
            continue
        shared = any(p.name == point.name for e in rooms.table if e is not entry for p in e.record.mounts)
        if volume.anonymous and not shared:
            names.append(point.name)
    return names


async def clear(rooms: Rooms, entry: Entry, anonymous: list[str]) -> None:
    """Delete all that a buried container leaves, and its tombstone last. Idempotent."""
    if entry.cleaning:
        await asyncio.wait((entry.cleaning,))
    await tear_down(rooms, entry)
    clean = True
    for name in anonymous:
        try:
            await rooms.volumes.remove(name)
        except NotFound:
            pass
        except PoguError as e:
            log.warning("container %s: volume %s stays: %s", entry.id, name, e)
    step("container.remove.cleared")
    try:
        await rooms.storage.remove(entry.id)
    except (PoguError, OSError) as e:
        log.warning("container %s: its layer stays for now: %s", entry.id, e)
        clean = False
    step("container.remove.layer")
    await asyncio.to_thread(shutil.rmtree, rooms.directory(entry.id), True)
    step("container.remove.directory")
    if clean:
        await rooms.state.commit(Delete(TOMBSTONE, entry.id))
        step("container.remove.forgotten")
        await _collect_image(rooms, entry.record.image_id)


async def _collect_image(rooms: Rooms, image_id: str) -> None:
    """Remove the layers that the container kept of an image removed before it."""
    if not image_id:
        return
    try:
        rooms.images.get(image_id)
    except NotFound:
        await rooms.images.collect()
