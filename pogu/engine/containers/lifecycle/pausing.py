"""The verbs `pause` and `unpause`."""

from __future__ import annotations

from pogu.engine.containers import health
from pogu.engine.containers.lifecycle.state import require_live
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.errors import Conflict


async def pause(rooms: Rooms, entry: Entry) -> None:
    """Freeze a running container.

    Raises:
        Conflict: it is not running, or paused already.
    """
    async with entry.lock:
        require_live(entry)
        if entry.record.state.paused:
            raise Conflict(f"container {entry.id} is already paused")
        await rooms.supervisor.pause(entry.id)
        health.end(entry)
        entry.record.state.paused, entry.record.state.status = True, "paused"
        await rooms.save(entry)
        rooms.publish(entry, "pause")


async def unpause(rooms: Rooms, entry: Entry) -> None:
    """Let a paused container go on.

    Raises:
        Conflict: it is not paused.
    """
    async with entry.lock:
        if not entry.record.state.paused:
            raise Conflict(f"Container {entry.id} is not paused")
        await rooms.supervisor.resume(entry.id)
        entry.record.state.paused, entry.record.state.status = False, "running"
        await rooms.save(entry)
        rooms.publish(entry, "unpause")
        health.begin(rooms, entry)
