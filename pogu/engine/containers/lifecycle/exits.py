"""What happens when a container's first process ends."""

from __future__ import annotations

import asyncio
import time

from pogu.engine.containers import health
from pogu.engine.containers.lifecycle.launch import launch, tear_down
from pogu.engine.containers.lifecycle.removal import bury
from pogu.engine.containers.lifecycle.restarts import next_delay, should_restart
from pogu.engine.containers.lifecycle.sandbox import forget_endpoints, let_go
from pogu.engine.containers.lifecycle.state import UNKNOWN_EXIT, ran_seconds, set_restarting, set_stopped
from pogu.engine.containers.rooms import Rooms, log
from pogu.engine.containers.table import Entry, WaitResult
from pogu.engine.moments import format_ns
from pogu.engine.runtime import Exit
from pogu.errors import NotFound, PoguError
from pogu.failpoints import step

UNKNOWN = "the container's supervisor was killed: its exit code is unknown"


async def watch(rooms: Rooms, entry: Entry) -> None:
    """Wait for the exit and deal with it; runs in a task for each running container."""
    try:
        exit_ = await rooms.supervisor.wait(entry.id)
    except NotFound:  # it could not be taken up: nothing is known of it
        exit_ = Exit(None, False, time.time_ns())
    async with entry.lock:
        await ended(rooms, entry, exit_)


async def ended(rooms: Rooms, entry: Entry, exit_: Exit) -> None:
    """Record an exit with one commit, tell everybody, and restart, remove or clean up. `entry.lock` is held."""
    record, state = entry.record, entry.record.state
    health.end(entry)
    entry.up.clear()
    code = UNKNOWN_EXIT if exit_.code is None else exit_.code
    seconds = ran_seconds(entry, exit_.finished_ns)
    finished = format_ns(exit_.finished_ns)
    oom = exit_.oom or state.oom_killed
    if oom and not state.oom_killed:
        rooms.publish(entry, "oom")
    error = UNKNOWN if exit_.code is None else ""
    result = WaitResult(code, error or None)
    attributes = {"exitCode": str(code), "execDuration": str(int(seconds))}
    restart = should_restart(rooms, entry, code)
    step("container.exit.noticed")
    await let_go(rooms, entry)
    step("container.exit.let-go")
    forget_endpoints(entry)
    if entry.console:
        entry.console.close()
        entry.console = None
    if restart:
        record.restart_count += 1
        set_restarting(state, code, finished, oom)
    else:
        set_stopped(state, code, finished, oom)
    state.error = error
    rooms.publish(entry, "die", **attributes)
    if not restart and record.host_config.auto_remove and not entry.manually_restarted:
        if await _bury(rooms, entry, result):
            return
    else:
        await _save(rooms, entry)
    step("container.exit.recorded")
    entry.settle_exit(result)
    entry.cleaning = rooms.spawn(tear_down(rooms, entry), f"clean-up of {entry.id}")
    if restart:
        delay = next_delay(entry, seconds)
        entry.restarter = rooms.spawn(_restart_after(rooms, entry, delay), f"restart of {entry.id}")


async def _save(rooms: Rooms, entry: Entry) -> None:
    """Commit an exit; where that fails the next start of the daemon finds the exit code that the supervisor kept."""
    try:
        await rooms.save(entry)
    except PoguError as e:
        log.error("container %s: its exit could not be recorded: %s", entry.id, e)


async def _bury(rooms: Rooms, entry: Entry, result: WaitResult) -> bool:
    """Remove a container with --rm; False if its removal could not be recorded, so that it stays, exited."""
    try:
        await bury(rooms, entry, volumes=True, result=result)
    except PoguError as e:
        log.error("container %s: it could not be removed: %s", entry.id, e)
        return False
    return True


def out_of_memory(rooms: Rooms, entry: Entry) -> None:
    """Note that the kernel has killed a process of the container for want of memory; told after the start, if early."""
    if not entry.up.is_set():
        entry.oom_early = True
    elif not entry.record.state.oom_killed:
        entry.record.state.oom_killed = True
        rooms.publish(entry, "oom")


async def _restart_after(rooms: Rooms, entry: Entry, delay: float) -> None:
    await asyncio.sleep(delay)
    async with entry.lock:
        await restart_now(rooms, entry)


async def restart_now(rooms: Rooms, entry: Entry) -> None:
    """Start a container that its policy restarts, unless somebody stopped or removed it meanwhile. Lock held."""
    entry.restarter = None
    if entry.gone or not entry.record.state.restarting or rooms.stopping:
        return
    try:
        await launch(rooms, entry)
    except PoguError as e:
        log.warning("container %s: restart failed: %s", entry.id, e)
