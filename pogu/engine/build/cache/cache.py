"""The records of the build cache, in memory and in the engine's state."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence

import msgspec

from pogu.engine.build.snapshots import Snapshot
from pogu.engine.images import Images
from pogu.engine.images.layers import StoredLayers
from pogu.engine.moments import now_rfc3339
from pogu.engine.naming import new_id
from pogu.engine.state import Delete, Put, StateStore
from pogu.errors import PoguError
from pogu.linux.boot import boot_id

log = logging.getLogger(__name__)

KIND = "build-cache"  # of records


class CacheRecord(msgspec.Struct, kw_only=True):
    """One step that was done. Times are RFC 3339."""

    key: str
    id: str
    snapshot: Snapshot
    description: str
    kept: bool
    """Whether the record keeps its layers; one that does not serves while an image has them."""
    created: str
    last_used: str
    uses: int = 1
    boot: str = ""
    """The start of the machine in which the layers may be in memory alone; empty once the disk has them."""


class CacheUsage(msgspec.Struct, kw_only=True):
    """A record as people are shown it; `size` is bytes of the layer that the step made."""

    id: str
    description: str
    size: int
    created: str
    last_used: str
    uses: int
    in_use: bool
    shared: bool


class BuildCache:
    """Finds and keeps what steps have made. `load` first; for the event loop."""

    def __init__(self, state: StateStore, images: Images) -> None:
        self._state = state
        self._layers = images.layers
        self._settle_images = images.settle
        self._records: dict[str, CacheRecord] = {}
        self._used: set[str] = set()  # keys whose use is not recorded yet
        self._settling: asyncio.Task[None] | None = None
        self._layers.keeper = self.stacks

    async def load(self) -> None:
        """Read the records; drop those whose layers the disk may not have since the machine went down."""
        lost = []
        for key, data in await asyncio.to_thread(self._state.load, KIND):
            try:
                record = msgspec.json.decode(data, type=CacheRecord)
            except msgspec.MsgspecError as e:
                log.warning("build cache %s: its record cannot be read and is dropped: %s", key, e)
                lost.append(key)
                continue
            if record.boot not in ("", boot_id()):
                lost.append(key)
                continue
            self._records[key] = record
        if lost:
            await self._state.commit(*(Delete(KIND, key) for key in lost))

    def stacks(self) -> Iterable[StoredLayers]:
        """Return the layers that must stay for the cache."""
        return [record.snapshot.layers for record in self._records.values() if record.kept]

    def find(self, keys: Iterable[str]) -> Snapshot | None:
        """Return what was made under the first of the keys that has something whose layers are still there."""
        for key in keys:
            record = self._records.get(key)
            if record is not None and self._layers.has(record.snapshot.layers):
                record.last_used = now_rfc3339()
                record.uses += 1
                self._used.add(key)
                return record.snapshot
        return None

    async def put(self, keys: Sequence[str], snapshot: Snapshot, description: str, kept: bool) -> None:
        """Record what a step made, under each of the keys."""
        now = now_rfc3339()
        records = [
            CacheRecord(
                key=key,
                id=new_id()[:25],
                snapshot=snapshot,
                description=description,
                kept=kept and number == 0,
                created=snapshot.created or now,
                last_used=now,
                boot=boot_id() if kept and number == 0 else "",
            )
            for number, key in enumerate(keys)
        ]
        await self._state.commit(*map(_put, records))
        self._records.update((record.key, record) for record in records)

    async def learn(self, keys: Sequence[str], snapshot: Snapshot, description: str) -> None:
        """Record what an image tells of, unless something is known under a key already."""
        unknown = [key for key in keys if self.find([key]) is None]
        if unknown:
            await self.put(unknown, snapshot, description, kept=False)

    async def note_uses(self) -> None:
        """Record what was used since the last time, and drop what serves nobody any more."""
        used = [self._records[key] for key in self._used if key in self._records]
        self._used.clear()
        useless = [r.key for r in self._records.values() if not r.kept and not self._layers.has(r.snapshot.layers)]
        for key in useless:
            del self._records[key]
        if used or useless:
            changes = [_put(r) for r in used if r.key in self._records]
            await self._state.commit(*changes, *(Delete(KIND, key) for key in useless))

    def settle(self) -> None:
        """Begin to bring what is kept to the disk, if that is not under way."""
        if any(r.boot for r in self._records.values()) and (self._settling is None or self._settling.done()):
            self._settling = asyncio.ensure_future(self._settle())

    async def finish(self) -> None:
        """Wait until the disk has what is kept."""
        self.settle()
        if self._settling is not None:
            await self._settling

    async def _settle(self) -> None:
        while due := [record for record in self._records.values() if record.boot]:
            try:
                await self._settle_images()
                for record in due:
                    record.boot = ""
                await self._state.commit(*(_put(r) for r in due if r.key in self._records))
            except (OSError, PoguError) as e:
                log.error("the build cache is not on the disk yet: %s", e)
                return

    def usage(self) -> list[CacheUsage]:
        """Return what the cache keeps, oldest use first."""
        images = self._layers.layers_of_images()
        kept = [record for record in self._records.values() if record.kept]
        return [self._usage(record, images) for record in sorted(kept, key=lambda r: r.last_used)]

    def _usage(self, record: CacheRecord, images: set[str]) -> CacheUsage:
        chain = record.snapshot.chain
        return CacheUsage(
            id=record.id,
            description=record.description,
            size=self._layers.size(chain) if chain else 0,
            created=record.created,
            last_used=record.last_used,
            uses=record.uses,
            in_use=self._layers.is_leased(record.snapshot.layers),
            shared=chain in images,
        )

    async def remove(self, ids: Iterable[str]) -> None:
        """Forget records and what only they kept."""
        gone = set(ids)
        keys = [record.key for record in self._records.values() if record.id in gone]
        for key in keys:
            del self._records[key]
        await self._state.commit(*(Delete(KIND, key) for key in keys))
        await self._layers.collect()


def _put(record: CacheRecord) -> Put:
    return Put(KIND, record.key, msgspec.json.encode(record))
