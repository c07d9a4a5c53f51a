"""Keeps the logs of running containers within their limits."""

from __future__ import annotations

import asyncio

from pogu.engine.containers.lifecycle.state import is_live
from pogu.engine.containers.rooms import Rooms, log
from pogu.engine.containers.table import Entry
from pogu.engine.logs import RotationPolicy, is_full, rotation_policy, shift
from pogu.engine.model import Container
from pogu.errors import Conflict, InvalidArgument, NotFound, PoguError

INTERVAL = 1.0  # seconds between looks at the sizes


async def rotate_forever(rooms: Rooms) -> None:
    """Look at the logs of all running containers again and again, and rotate those that are full."""
    while True:
        await asyncio.sleep(INTERVAL)
        for entry in rooms.table:
            if is_live(entry.record) and is_full(rooms.spool(entry.id), policy_of(entry.record)):
                try:
                    await rooms.shielded(rotate(rooms, entry), f"rotation of {entry.id}")
                except (Conflict, NotFound):  # it has ended meanwhile
                    pass
                except (PoguError, OSError) as e:
                    log.warning("container %s: its log could not be rotated: %s", entry.id, e)


def policy_of(record: Container) -> RotationPolicy:
    """Return when a container's log is rotated."""
    config = record.host_config.log_config
    try:
        return rotation_policy((config and config.type) or "json-file", (config and config.config) or {})
    except InvalidArgument:  # a record of an earlier version, which did not look
        return RotationPolicy()


async def rotate(rooms: Rooms, entry: Entry) -> None:
    """Rotate the log of a running container; nothing happens if it is not full, or the container has ended.

    Raises:
        PoguError: its supervisor does not open the new file; the old one goes on being written.
    """
    path = rooms.spool(entry.id)
    async with entry.lock:
        if is_live(entry.record) and is_full(path, policy_of(entry.record)):
            await asyncio.to_thread(shift, path, policy_of(entry.record))
            await rooms.supervisor.rotate(entry.id)
