"""Restart policies: whether, and after how long."""

from __future__ import annotations

from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.model import Container

FIRST_DELAY = 0.1  # seconds, doubled at each restart
LONGEST_DELAY = 60.0
STEADY = 10.0  # a run of this many seconds starts the back-off anew


def should_restart(rooms: Rooms, entry: Entry, code: int) -> bool:
    """Tell whether the policy starts the container again after this exit."""
    if rooms.stopping or entry.restart_cancelled or entry.manually_restarted or entry.gone:
        return False
    return wants_restart(entry.record, code)


def wants_restart(record: Container, code: int) -> bool:
    """Tell what the policy alone says of an exit code."""
    policy = record.host_config.restart_policy
    name = (policy and policy.name) or "no"
    if name == "always":
        return True
    if name == "unless-stopped":
        return not record.manually_stopped
    if name == "on-failure" and policy:
        limit = policy.maximum_retry_count
        return code != 0 and not record.manually_stopped and (limit == 0 or record.restart_count < limit)
    return False


def next_delay(entry: Entry, ran_seconds: float) -> float:
    """Return the seconds to wait before the next start, and remember them."""
    if ran_seconds >= STEADY:
        entry.backoff = 0.0
    entry.backoff = min(LONGEST_DELAY, entry.backoff * 2) if entry.backoff else FIRST_DELAY
    return entry.backoff


def cancel_restart(entry: Entry) -> bool:
    """Call off a restart that is waiting; True if there was one."""
    if entry.restarter is None:
        return False
    entry.restarter.cancel()
    entry.restarter = None
    return True
