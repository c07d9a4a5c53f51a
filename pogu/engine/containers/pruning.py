"""`container prune`: all stopped containers, or those that filters choose."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence

from pogu.engine.containers import times
from pogu.engine.containers.lifecycle.removal import remove
from pogu.engine.containers.matching import matches_labels
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.errors import Conflict, InvalidArgument, PoguError

Filters = Mapping[str, Sequence[str]]
_UNITS = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?(?:ns|us|µs|ms|s|m|h))+")


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
    if record.state.running or (until is not None and times.to_ns(record.created) > until):
        return False
    if not matches_labels(labels, filters.get("label", ())):
        return False
    return not any(matches_labels(labels, [v]) for v in filters.get("label!", ()))


def _until(filters: Filters) -> int | None:
    values = filters.get("until", ())
    if not values:
        return None
    if len(values) > 1:
        raise InvalidArgument("more than one until filter specified")
    text = values[0]
    if re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,9})?", text):
        return int(float(text) * 1e9)
    if _DURATION.fullmatch(text):
        parts = re.findall(r"([0-9.]+)(ns|us|µs|ms|s|m|h)", text)
        return time.time_ns() - int(sum(float(n) * _UNITS[u] for n, u in parts))
    if re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        full = text if "T" in text else f"{text[:10]}T00:00:00"
        if found := times.to_ns(full):
            return found
    raise InvalidArgument(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as a time')
