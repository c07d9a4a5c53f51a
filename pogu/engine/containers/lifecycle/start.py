"""The verbs `start` and `restart`."""

from __future__ import annotations

from pogu.engine.containers.lifecycle.launch import launch
from pogu.engine.containers.lifecycle.restarts import cancel_restart
from pogu.engine.containers.lifecycle.state import require_not_leaving
from pogu.engine.containers.lifecycle.stopping import end
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.signals import parse_signal
from pogu.engine.containers.table import Entry
from pogu.errors import Conflict, NotModified


async def start(rooms: Rooms, entry: Entry) -> None:
    """Start a container that has no process.

    Raises:
        NotModified: it runs already.
        Conflict: it is paused or being removed, a port is taken, or a container it shares with does not run.
        CommandNotFound, CommandNotExecutable: as the runtime found.
    """
    async with entry.lock:
        state = entry.record.state
        if state.paused:
            raise Conflict("cannot start a paused container, try unpause instead")
        if state.running:
            raise NotModified("container is already running")
        require_not_leaving(entry, "container is marked for removal and cannot be started")
        cancel_restart(entry)
        entry.restart_cancelled = False
        entry.backoff = 0.0
        entry.record.manually_stopped = False
        entry.record.restart_count = 0
        await launch(rooms, entry)


async def restart(rooms: Rooms, entry: Entry, signal: str | None, timeout: int | None) -> None:
    """Stop a container if it runs, as `stop` does, and start it; `--rm` does not apply in between.

    Raises:
        InvalidArgument, Conflict and what `start` raises.
    """
    number = parse_signal(signal) if signal else None
    if entry.record.state.running:
        entry.manually_restarted = True
        try:
            await end(rooms, entry, number, timeout)
        finally:
            entry.manually_restarted = False
        rooms.publish(entry, "stop")
    try:
        await start(rooms, entry)
    except NotModified:  # somebody else started it in between
        pass
    rooms.publish(entry, "restart")
