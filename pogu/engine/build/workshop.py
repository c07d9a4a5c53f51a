"""Root file systems for the steps of a build: to write on, to look into, and as layers once they are done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from pogu.engine.archive import run_in_thread
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.containers.roots import Roots
from pogu.engine.images.layers import Layers, Lease
from pogu.engine.moments import now_rfc3339
from pogu.engine.naming import new_id
from pogu.engine.storage import StorageDriver
from pogu.errors import PoguError

log = logging.getLogger(__name__)
T = TypeVar("T")


class Workshop:
    """Gives roots to steps. What a killed daemon leaves of them is cleared by the next start, as of containers."""

    def __init__(self, storage: StorageDriver, roots: Roots, layers: Layers) -> None:
        self._storage = storage
        self._roots = roots
        self.layers = layers

    @asynccontextmanager
    async def root(self, below: Snapshot) -> AsyncIterator[Path]:
        """Yield where a new writable layer on a snapshot is mounted; it goes at the end."""
        async with self._layer(below) as id_, self._mounted(id_) as path:
            yield path

    @asynccontextmanager
    async def _layer(self, below: Snapshot) -> AsyncIterator[str]:
        """Yield the ID of a new writable layer; what is not sealed goes at the end."""
        id_ = new_id()
        try:
            await self._storage.create(id_, below.chain)
            yield id_
        finally:
            await asyncio.shield(self._forget(id_))

    @asynccontextmanager
    async def _mounted(self, id_: str) -> AsyncIterator[Path]:
        path = await self._roots.acquire(id_)
        try:
            yield path
        finally:
            await asyncio.shield(self._roots.release(id_))

    async def _forget(self, id_: str) -> None:
        try:
            await self._storage.remove(id_)
        except PoguError as e:
            log.warning("the root of a build step stays until the next start: %s", e.message)

    async def make(self, below: Snapshot, lease: Lease, work: Callable[[Path], None]) -> Snapshot:
        """Run `work`, which blocks, on a root that begins as `below`, and return what it has made of it."""
        async with self._layer(below) as id_:
            await self.edit(id_, work)
            return await self.seal(id_, below, lease)

    async def seal(self, id_: str, below: Snapshot, lease: Lease) -> Snapshot:
        """Make a layer of a writable layer that is not mounted any more; the lease keeps it."""
        async with self.layers.adding():
            layer = await self.layers.seal(id_)
            made = below.on_top(layer, now_rfc3339())
            lease.stacks.append(made.layers)
        return made

    async def edit(self, id_: str, work: Callable[[Path], None]) -> None:
        """Run `work`, which blocks, on a writable layer that is not mounted."""
        async with self._mounted(id_) as path:
            await run_in_thread(lambda: work(path), lambda: None, "build step")

    async def look(self, at: Snapshot, work: Callable[[Path], T]) -> T:
        """Run `work`, which blocks and only reads, on a snapshot's files, and return what it does."""
        async with self.root(at) as path:
            return await run_in_thread(lambda: work(path), lambda: None, "build look")
