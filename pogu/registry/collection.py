"""Garbage collection: frees what no manifest needs, while pushes go on.

A collection marks and sweeps. *Mark* reads every manifest of every repository. *Sweep* unlinks the blobs of each
repository that none of its manifests names, and then deletes the content that no repository has. Three things protect
a push that is under way:

- the grace period: a link or content younger than it stays. Links become young again when a client asks whether the
  blob is there (and then does not upload it), content when it is uploaded again;
- the interlock: what a request relies on right now is not removed, nor what one has relied on since the mark began;
- links go before content, so that a crash in between leaves content without a link, never the other way round.

With an object store that several registries share, let one of them collect.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from pogu.registry import layout
from pogu.registry.events import Origin
from pogu.registry.graph import Graph, read_graph
from pogu.registry.repositories import Repositories

log = logging.getLogger(__name__)

COLLECTOR = Origin(actor="(garbage collection)")


@dataclass(slots=True)
class Collected:
    """What one collection has done."""

    manifests: int = 0
    links: int = 0
    blobs: int = 0
    bytes: int = 0
    repositories: int = 0


class Collector:
    """Collects the garbage of one registry; one collection at a time."""

    def __init__(
        self,
        repositories: Repositories,
        grace_seconds: float,
        *,
        untagged_seconds: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._repositories = repositories
        self._store = repositories.store
        self._grace = grace_seconds
        self._untagged = untagged_seconds
        self._clock = clock
        self.runs = 0
        self.freed = 0

    async def collect(self) -> Collected:
        """Run one collection. It may be cancelled at any point."""
        done = Collected()
        started = self._clock()
        with self._repositories.interlock.watching():
            linked: set[str] = set()
            for name in await self._repositories.names():
                linked |= await self._collect_repository(name, started, done)
            await self._sweep_content(linked, started, done)
        self.runs += 1
        self.freed += done.bytes
        if done.links or done.blobs or done.manifests:
            log.info(
                "collected: %d manifests, %d links, %d blobs, %d bytes in %.1f s",
                done.manifests, done.links, done.blobs, done.bytes, self._clock() - started,
            )  # fmt: skip
        return done

    # --- one repository ---

    async def _collect_repository(self, name: str, started: float, done: Collected) -> set[str]:
        """Unlink what nothing in a repository needs; return the digests that stay linked."""
        graph = await read_graph(self._store, name)
        kept = set(graph.manifests)
        if self._untagged is not None and graph.complete:
            kept -= await self._delete_untagged(name, graph, started, done)
        needed = graph.needed_blobs()
        for record in await self._store.records(layout.blobs(name)):
            digest = record.key.rpartition("/")[2]
            # Where a manifest cannot be read nobody knows what it needs: then everything stays.
            idle = graph.complete and digest not in needed and started - record.modified > self._grace
            if idle and await self._unlink(record.key, digest):
                done.links += 1
            else:
                kept.add(digest)
        if not kept:
            await self._forget_repository(name, started, done)
        return kept

    async def _unlink(self, key: str, digest: str) -> bool:
        async with self._repositories.interlock.removing(digest) as free:
            if free:
                await self._store.delete([key])
        return free

    async def _delete_untagged(self, name: str, graph: Graph, started: float, done: Collected) -> set[str]:
        """Delete old manifests that nothing leads to; their blobs follow with the next collection."""
        assert self._untagged is not None
        oldest = started - max(self._untagged, self._grace)
        tagged = {tag.digest for tag in (await self._repositories.tags_with_times(name)).values()}
        young = {digest for digest, record in graph.manifests.items() if record.modified >= oldest}
        deleted: set[str] = set()
        for digest in graph.manifests.keys() - graph.reachable(tagged | young):
            if await self._repositories.delete_unused_manifest(name, digest, COLLECTOR):
                deleted.add(digest)
                done.manifests += 1
        return deleted

    async def _forget_repository(self, name: str, started: float, done: Collected) -> None:
        """An empty repository is no longer listed, unless it has been made just now."""
        for record in await self._store.records(layout.CATALOG):
            if record.key == layout.catalog_entry(name) and started - record.modified > self._grace:
                async with self._repositories.lock(name):
                    if not await self._store.keys(layout.blobs(name)) and not await self._store.keys(
                        layout.manifests(name)
                    ):
                        await self._store.delete([record.key])
                        done.repositories += 1

    # --- content ---

    async def _sweep_content(self, linked: set[str], started: float, done: Collected) -> None:
        async for blob in self._store.blobs():
            if blob.digest in linked or started - blob.modified <= self._grace:
                continue
            async with self._repositories.interlock.removing(blob.digest) as free:
                now = await self._store.blob(blob.digest) if free else None
                if now is not None and started - now.modified > self._grace:
                    await self._store.delete_blob(blob.digest)
                    done.blobs += 1
                    done.bytes += blob.size
