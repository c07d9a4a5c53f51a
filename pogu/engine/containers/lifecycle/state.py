"""The states of a container and the questions asked of them, in one place."""

from __future__ import annotations

from pogu.engine.containers.table import Entry
from pogu.engine.model import Container, ContainerState
from pogu.engine.moments import parse_rfc3339
from pogu.errors import Conflict

UNKNOWN_EXIT = 255  # what Docker shows when nobody saw the end


def set_running(state: ContainerState, pid: int, now: str) -> None:
    """Enter the running state."""
    state.status, state.running, state.paused, state.restarting = "running", True, False, False
    state.pid, state.exit_code, state.error, state.oom_killed, state.dead = pid, 0, "", False, False
    state.started_at = now


def set_stopped(state: ContainerState, code: int, finished: str, oom: bool = False) -> None:
    """Enter the exited state."""
    state.status, state.running, state.paused, state.restarting = "exited", False, False, False
    state.pid, state.exit_code, state.finished_at, state.oom_killed = 0, code, finished, oom


def set_restarting(state: ContainerState, code: int, finished: str, oom: bool = False) -> None:
    """Enter the time between an exit and the next start by the restart policy; it counts as running, as in Docker."""
    set_stopped(state, code, finished, oom)
    state.status, state.running, state.restarting = "restarting", True, True


def is_live(record: Container) -> bool:
    """Tell whether the container has a process (running or paused, not between restarts)."""
    return record.state.running and not record.state.restarting


def require_live(entry: Entry) -> None:
    """Raise Conflict, in dockerd's words, unless the container has a process."""
    if entry.record.state.restarting:
        raise Conflict(f"Container {entry.id} is restarting, wait until the container is running")
    if not entry.record.state.running:
        raise Conflict(f"container {entry.id} is not running")


def require_not_leaving(entry: Entry, message: str) -> None:
    """Raise Conflict with `message` if the container is being removed."""
    if entry.gone or entry.record.removal_in_progress or entry.record.state.dead:
        raise Conflict(message)


def ran_seconds(entry: Entry, finished_ns: int) -> float:
    """Return how long the run that has just ended took; of one that an earlier daemon began the clock tells it."""
    if entry.since_ns:
        return entry.age_ns() / 1e9
    return max(0.0, (finished_ns - parse_rfc3339(entry.record.state.started_at)) / 1e9)
