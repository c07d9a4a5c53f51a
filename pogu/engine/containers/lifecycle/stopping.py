"""The verbs that end a container's process: stop, kill, and restart's first half."""

from __future__ import annotations

import asyncio
import signal as signals

from pogu.engine.containers.lifecycle.restarts import cancel_restart
from pogu.engine.containers.lifecycle.state import is_live, set_stopped
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.signals import parse_signal
from pogu.engine.containers.table import Entry, WaitResult
from pogu.errors import Conflict, DeadlineExceeded, NotModified, PoguError

DEFAULT_TIMEOUT = 10  # seconds between the stop signal and SIGKILL
KILL_WAIT = 10.0  # seconds that SIGKILL may take


async def stop(rooms: Rooms, entry: Entry, signal: str | None, timeout: int | None) -> None:
    """Send the stop signal, then SIGKILL after `timeout` seconds (negative: never); return when it has ended.

    Raises:
        NotModified: it does not run.
        InvalidArgument: there is no such signal.
    """
    number = parse_signal(signal) if signal else None
    if not entry.record.state.running:
        raise NotModified("container is already stopped")
    await end(rooms, entry, number, timeout)
    rooms.publish(entry, "stop")


async def end(rooms: Rooms, entry: Entry, signal: int | None, timeout: int | None) -> None:
    """End the container's process and its restarts; nothing happens if it has none."""
    config = entry.record.config
    if timeout is None:
        timeout = DEFAULT_TIMEOUT if config.stop_timeout is None else config.stop_timeout
    number = signal or parse_signal(config.stop_signal or "SIGTERM")
    exited = await _signal_to_end(rooms, entry, number)
    if exited is None:
        return
    try:
        async with asyncio.timeout(None if timeout < 0 else timeout):
            await asyncio.shield(exited)
    except TimeoutError:
        await kill_and_wait(rooms, entry)


async def kill_and_wait(rooms: Rooms, entry: Entry) -> None:
    """Send SIGKILL and return when the container has ended.

    Raises:
        DeadlineExceeded: the kernel has not ended it in ten seconds (a process in uninterruptible sleep).
    """
    exited = await _signal_to_end(rooms, entry, signals.SIGKILL)
    if exited is None:
        return
    try:
        async with asyncio.timeout(KILL_WAIT):
            await asyncio.shield(exited)
    except TimeoutError:
        raise DeadlineExceeded(
            f"container {entry.id}: tried to kill container, but did not receive an exit event"
        ) from None


async def _signal_to_end(rooms: Rooms, entry: Entry, number: int) -> asyncio.Future[WaitResult] | None:
    """Signal the container and return the future of its exit; None if it had no process, or was waiting to restart."""
    async with entry.lock:
        if entry.gone or not entry.record.state.running:
            return None
        mark_stopped(rooms, entry)
        if entry.record.state.restarting:
            await call_off(rooms, entry)
            return None
        exited = entry.next_exit()
        await send(rooms, entry, number)
        await _thaw(rooms, entry)
        return exited


def mark_stopped(rooms: Rooms, entry: Entry) -> None:
    """Note that a person stops the container, so that no policy starts it again; a daemon's end is not a person."""
    entry.record.manually_stopped = entry.record.manually_stopped or not rooms.stopping
    entry.restart_cancelled = True


async def call_off(rooms: Rooms, entry: Entry) -> None:
    """End the wait for a restart: the container is exited now. `entry.lock` is held."""
    cancel_restart(entry)
    state = entry.record.state
    set_stopped(state, state.exit_code, state.finished_at, state.oom_killed)
    await rooms.save(entry)
    entry.settle_exit(WaitResult(state.exit_code))
    await rooms.on_abandoned(entry)


async def send(rooms: Rooms, entry: Entry, number: int) -> None:
    """Send a signal and tell of it; `entry.lock` is held and the container has a process."""
    await rooms.supervisor.kill(entry.id, number)
    rooms.publish(entry, "kill", signal=str(number))


async def _thaw(rooms: Rooms, entry: Entry) -> None:
    """Let a paused container act on the signal it got."""
    if entry.record.state.paused:
        await rooms.supervisor.resume(entry.id)
        entry.record.state.paused, entry.record.state.status = False, "running"


async def kill(rooms: Rooms, entry: Entry, ref: str, signal: str) -> None:
    """Send a signal; with SIGKILL return when the container has ended.

    A signal that is meant to end it calls restarts off: SIGKILL, its stop signal, any while it has none of its own.

    Raises:
        InvalidArgument: there is no such signal.
        Conflict: it is not running.
    """
    number = parse_signal(signal or "SIGKILL")
    if not entry.record.state.running:
        raise Conflict(f"container {entry.id} is not running")
    if number == signals.SIGKILL:
        await kill_and_wait(rooms, entry)
        return
    own = entry.record.config.stop_signal
    if not own or parse_signal(own) == number:
        await _signal_to_end(rooms, entry, number)
        return
    async with entry.lock:
        if not is_live(entry.record):
            raise Conflict(f"container {entry.id} is not running")
        await send(rooms, entry, number)


async def stop_all(rooms: Rooms, timeout: int) -> None:
    """Stop every running container at once, as a daemon does that shuts down with its containers."""

    async def one(entry: Entry) -> None:
        config = entry.record.config
        try:
            await end(rooms, entry, None, timeout if config.stop_timeout is None else config.stop_timeout)
            rooms.publish(entry, "stop")
        except PoguError:
            pass

    await asyncio.gather(*(one(e) for e in rooms.table if e.record.state.running))
