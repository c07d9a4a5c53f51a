"""`container prune`: all stopped containers, or those that filters choose."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from pogu.engine.containers.lifecycle.removal import remove
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.images.filters import labels_match
from pogu.engine.moments import parse_moment
from pogu.errors import Conflict, InvalidArgument, PoguError

Filters = Mapping[str, Sequence[str]]


class Pruner:
    """Runs one prune at a time."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._lock = asyncio.Lock()

    async def prune(self, filters: Filters) -> tuple[list[str], int]:
        """Remove stopped containers; return their IDs and the bytes of their writable layers.

        Filters: `label`, `label!` (`k` or `k=v`), `until` (Unix seconds, RFC 3339 or a duration back from now).

        Raises:
            InvalidArgument: a filter is malformed.
            Conflict: a prune is running already.
        """
        until = _until(filters)
        if self._lock.locked():
            raise Conflict("a prune operation is already running")
        removed, reclaimed = [], 0
        async with self._lock:
            for entry in self._rooms.table:
                if not _chosen(entry, filters, until):
                    continue
                size = await self._rooms.storage.usage(entry.id)
                try:
                    await remove(self._rooms, entry, force=False, volumes=False)
                except PoguError:  # started or removed meanwhile
                    continue
                removed.append(entry.id)
                reclaimed += size
        self._rooms.events.publish("container", "prune", "", {"reclaimed": str(reclaimed)})
        return removed, reclaimed


def _chosen(entry: Entry, filters: Filters, until: int | None) -> bool:
    record = entry.record
    labels = record.config.labels or {}
    if record.state.running or (until is not None and entry.created_ns > until):
        return False
    return labels_match(filters, labels)


def _until(filters: Filters) -> int | None:
    values = filters.get("until", ())
    if not values:
        return None
    if len(values) > 1:
        raise InvalidArgument("more than one until filter specified")
    return parse_moment(values[0])
