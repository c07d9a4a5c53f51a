"""The layers of images: their archives as blobs, their unpacked trees in the storage driver, and what nobody needs.

A layer or blob that is being added belongs to no image yet. So nothing is collected while something is being added;
what became unneeded meanwhile is collected when the last addition has ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pogu.engine.archive import (
    CHUNK,
    CountedFile,
    FileReader,
    Hashed,
    Tee,
    ThreadReader,
    decompress,
    detect,
    run_in_thread,
)
from pogu.engine.images.content import BlobWriter, ContentStore
from pogu.engine.images.digests import chain_ids, digest_of_file
from pogu.engine.images.manifest import LAYER_TYPES
from pogu.engine.images.record import StoredImage, StoredLayer
from pogu.engine.images.settling import Owed
from pogu.engine.images.store import ImageStore
from pogu.engine.storage import LayerInfo, StorageDriver
from pogu.errors import Conflict, InvalidArgument, NotFound, PoguError
from pogu.failpoints import step

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LayerFile:
    """A layer's archive in a file of ours, compressed or not.

    `digest` is what the file must have, `actual` what it has; "" if unknown. `hashing` waits in a thread until that is
    known, and returns it.
    """

    path: Path
    diff_id: str
    digest: str = ""
    actual: str = ""
    hashing: Callable[[], str] | None = None

    def hashed(self) -> str:
        """What the file's digest is; blocks."""
        return self.actual or (self.hashing or partial(digest_of_file, self.path))()


StoredLayers = Sequence[StoredLayer]  # a stack, bottom first


@dataclass(eq=False, slots=True)
class Lease:
    """Layers that must stay although nothing that is recorded has them yet."""

    stacks: list[StoredLayers] = field(default_factory=list)


class Layers:
    """Adds layers to the driver and the content store, and removes those that no image has."""

    def __init__(self, driver: StorageDriver, content: ContentStore, store: ImageStore) -> None:
        self._driver = driver
        self._content = content
        self._store = store
        self._lock = asyncio.Lock()  # held while collecting, and while an addition begins or ends
        self._adding = 0
        self._owed = False
        self._verified: set[tuple[str, str]] = set()  # blobs and the diff IDs of what is in them
        self._leases: set[Lease] = set()
        self.keeper: Callable[[], Iterable[StoredLayers]] = tuple  # what is kept besides images: stacks of layers

    @property
    def driver(self) -> StorageDriver:
        """Where the layers are unpacked."""
        return self._driver

    @property
    def is_adding(self) -> bool:
        """Whether something is being added, so that blobs and layers may have no image yet."""
        return self._adding > 0

    def size(self, chain_id: str) -> int:
        """Return the bytes of one unpacked layer; 0 if it is not there."""
        try:
            return self._driver.layer(chain_id).size
        except NotFound:
            return 0

    def total(self) -> int:
        """Return the bytes of all unpacked layers."""
        return sum(layer.size for layer in self._driver.layers())

    @asynccontextmanager
    async def adding(self) -> AsyncIterator[None]:
        """Keep everything from being collected while layers and blobs are added for an image to come."""
        async with self._lock:
            self._adding += 1
        failed = True
        try:
            yield
            failed = False
        finally:
            self._adding -= 1
            self._owed = self._owed or failed
            if self._owed and not self._adding:
                await asyncio.shield(asyncio.ensure_future(self.collect()))

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Lease]:
        """Keep what is put in the lease from being collected for a while; what nobody has then goes."""
        lease = Lease()
        self._leases.add(lease)
        try:
            yield lease
        finally:
            self._leases.discard(lease)
            if not _chains(lease.stacks) <= self.needed_layers():
                await asyncio.shield(asyncio.ensure_future(self.collect()))

    def owe(self) -> None:
        """Say that an addition under way has made something nobody needs."""
        self._owed = True

    async def add(self, file: LayerFile, parent: str | None, seen: Callable[[int], None] | None = None) -> StoredLayer:
        """Unpack a layer on `parent` and keep its archive. Call within `adding`; the file must not change any more.

        `seen` is told in a thread how many bytes of the file have been read. A layer that an image has already is
        not read again.

        Raises:
            InvalidArgument: the archive is no tar, or is not what its digests say.
        """
        chain = _chain(parent, file.diff_id)
        known = self.stored(chain)
        if known is not None:
            return known
        with file.path.open("rb", buffering=0) as opened:
            kind = detect(opened.read(6))
            opened.seek(0)
            source = CountedFile(FileReader(opened), seen)
            if not kind:  # unpacked while it is hashed
                await self._driver.add_layer(chain, parent, source, diff_id=file.diff_id, hashed=file.hashed)
            actual = await run_in_thread(file.hashed, _nothing, "layer digest")
            if file.digest and actual != file.digest:
                raise InvalidArgument(f"invalid archive: layer {file.digest} has digest {actual}")
            if kind:
                await self._unpack(chain, parent, source, file.diff_id)
            elif actual != file.diff_id:  # the driver had the layer already, and has not looked
                raise InvalidArgument(f"layer content has digest {actual}, expected {file.diff_id}")
        step("image.layer.unpacked")
        if kind not in LAYER_TYPES:  # no media type for it: keep the archive itself
            return await self._keep_plain(file)
        await asyncio.to_thread(self._content.adopt, file.path, actual)
        step("image.layer.kept")
        return StoredLayer(file.diff_id, actual, LAYER_TYPES[kind], file.path.stat().st_size)

    async def add_plain(self, source: ThreadReader, parent: str | None) -> StoredLayer:
        """Unpack the archive that `source` gives, compressed or not, and keep it decompressed. Call within `adding`.

        A layer that an image has already is not kept twice.

        Raises:
            InvalidArgument: the archive is no tar, or damaged.
        """
        with self._content.writer(hashing=False) as blob:
            tar = await run_in_thread(lambda: decompress(source), source.cancel, "layer")
            info = await self._driver.add_layer(None, parent, Tee(tar, blob.write, source.cancel))
            step("image.layer.unpacked")
            known = self.stored(info.chain_id)
            if known is not None:
                return known
            await asyncio.to_thread(blob.commit_as, info.diff_id)
        step("image.layer.kept")
        return StoredLayer(info.diff_id, info.diff_id, LAYER_TYPES[""], blob.size)

    async def seal(self, container_id: str) -> StoredLayer:
        """Make a layer of what a container changed, which is not mounted any more, and keep its archive.

        Call within `adding`. The writable layer is gone afterwards.

        Raises:
            NotFound: there is no such writable layer.
        """
        parent = self._driver.parent_of(container_id)
        source = Hashed(ThreadReader(self._driver.diff(container_id)))
        with self._content.writer(hashing=False) as blob:
            await run_in_thread(partial(_copy, source, blob), _nothing, "seal")
            chain = _chain(parent, source.digest)
            if (known := self.stored(chain)) is not None:
                await self._driver.remove(container_id)
                return known
            await self._driver.adopt(container_id, source.digest)
            step("image.layer.unpacked")
            await asyncio.to_thread(blob.commit_as, source.digest)
        step("image.layer.kept")
        return StoredLayer(source.digest, source.digest, LAYER_TYPES[""], blob.size)

    async def _unpack(self, chain: str, parent: str | None, source: CountedFile, diff_id: str) -> None:
        tar = await asyncio.to_thread(decompress, source)
        looked_at = source.size
        if not self._driver.has_layer(chain):
            await self._driver.add_layer(chain, parent, tar, diff_id=diff_id)
        if source.size > looked_at:
            return
        # The driver had it already, from an image that is gone or from somebody who adds it too, and read nothing.
        actual = await run_in_thread(Hashed(tar).finish, _nothing, "layer digest")
        if actual != diff_id:
            raise InvalidArgument(f"invalid diffID for layer: expected {diff_id}, got {actual}")

    async def _keep_plain(self, file: LayerFile) -> StoredLayer:
        def copy() -> StoredLayer:
            with file.path.open("rb") as opened, self._content.writer() as blob:
                tar = decompress(opened)
                while data := tar.read(CHUNK):
                    blob.write(data)
                return StoredLayer(file.diff_id, blob.commit(file.diff_id), LAYER_TYPES[""], blob.size)

        return await run_in_thread(copy, _nothing, "layer copy")

    async def restore(self, image: StoredImage) -> None:
        """Unpack again the layers of an image that the driver lacks, from their blobs.

        Raises:
            NotFound: a blob is gone.
        """
        parent: str | None = None
        for chain, layer in zip(image.chain_ids, image.record.layers, strict=True):
            if not self._driver.has_layer(chain):
                with self._content.open(layer.digest) as blob:
                    await self._driver.add_layer(chain, parent, decompress(blob), diff_id=layer.diff_id)
            parent = chain

    async def mend(self, owed: Owed, image: StoredImage | None) -> list[str]:
        """Look at what the disk may lack since the machine went down; return in words what it lacks.

        Damaged blobs go, and layers are unpacked again from whole ones, so that what is there is right and the rest can
        be loaded or pulled again. Without `image`, whose configuration is lost, nobody knows what was in its layers.
        """
        lacking = []
        for digest in owed.blobs:
            if not await run_in_thread(partial(self._content.is_whole, digest), _nothing, "blob check"):
                await asyncio.to_thread(self._content.remove, digest)
                lacking.append(f"blob {digest} was not on the disk when the machine went down: load or pull it again")
        damaged = {chain: self._driver.layer(chain) for chain in owed.layers if self._driver.has_layer(chain)}
        for chain, layer in zip(image.chain_ids, image.record.layers, strict=True) if image else ():
            if chain in damaged:
                try:
                    await self.replace(layer, chain)
                    del damaged[chain]
                except PoguError as e:
                    log.debug("layer %s: %s", chain, e.message)
        for gone in _top_first(damaged):
            try:
                await self._driver.remove_layer(gone.chain_id)
            except Conflict as e:
                lacking.append(f"layer {gone.chain_id} may lack files and is kept: {e.message}")
        return lacking

    def stored(self, chain: str) -> StoredLayer | None:
        """Return the blob of a layer that is unpacked and belongs to an image, if it is there."""
        if not self._driver.has_layer(chain):
            return None
        for image in self._store.images.values():
            if chain in image.chain_ids:
                layer = image.record.layers[image.chain_ids.index(chain)]
                if self._content.has(layer.digest):
                    return layer
        return None

    def has(self, stack: StoredLayers) -> bool:
        """Tell whether a stack is unpacked and its blobs are kept: what is below its top does not go before that."""
        if not stack:
            return True
        top = chain_ids([layer.diff_id for layer in stack])[-1]
        return self._driver.has_layer(top) and self._content.has(stack[-1].digest)

    def _kept(self) -> list[StoredLayers]:
        return [stack for lease in self._leases for stack in lease.stacks] + list(self.keeper())

    def layers_of_images(self) -> set[str]:
        """Return the chain IDs of the layers that images have."""
        return self._store.needed_layers()

    def is_leased(self, stack: StoredLayers) -> bool:
        """Tell whether somebody who makes something just now needs the top of a stack."""
        return not _chains([stack]).isdisjoint(_chains(s for lease in self._leases for s in lease.stacks))

    def needed_blobs(self) -> set[str]:
        """Return the blobs that must stay: of images, leases, and what else is kept."""
        return self._store.needed_blobs().union(layer.digest for stack in self._kept() for layer in stack)

    def needed_layers(self) -> set[str]:
        """Return the chain IDs of the layers that must stay, likewise."""
        return self._store.needed_layers() | _chains(self._kept())

    async def replace(self, layer: StoredLayer, chain: str) -> None:
        """Unpack a layer again in place of its present files, which nothing may have mounted.

        Raises:
            NotFound, InvalidArgument: its blob is gone or damaged; the layer stays as it is.
        """
        with self._content.open(layer.digest) as blob:
            await self._driver.replace_layer(chain, decompress(blob))

    def is_verified(self, chain: str, digest: str, diff_id: str) -> bool:
        """Tell whether a layer is unpacked, and its blob `digest` is kept and known to hold `diff_id`."""
        if not (self._driver.has_layer(chain) and self._content.has(digest)):
            return False
        if (digest, diff_id) not in self._verified:
            records = [image.record for image in self._store.images.values()]
            layers = [r.layers for r in records] + [m.layers for r in records for m in r.manifests]
            self._verified.update((layer.digest, layer.diff_id) for group in layers for layer in group)
        return (digest, diff_id) in self._verified

    def note_verified(self, digest: str, diff_id: str) -> None:
        """Remember that the blob `digest` holds the archive `diff_id`."""
        self._verified.add((digest, diff_id))

    async def discard(self, blobs: Iterable[str]) -> list[LayerInfo]:
        """Remove the layers that no image has, and those of `blobs`; return the layers removed, top ones first.

        Layers that containers stand on stay until a later collection. While something is being added nothing is
        removed yet, and the list is empty.
        """
        async with self._lock:
            if self._adding:
                self._owed = True
                return []
            removed = await self._remove_layers()
            step("image.discard.layers")
            unused = set(blobs) - self.needed_blobs()
            await asyncio.to_thread(self._remove_blobs, unused)
            step("image.discard.blobs")
            return removed

    async def collect(self) -> None:
        """Remove every layer and blob that no image has, as after a crash or a failed addition."""
        async with self._lock:
            if self._adding:
                self._owed = True
                return
            self._owed = False
            if self._store.is_uncertain:
                return
            await self._remove_layers()
            unused = set(await asyncio.to_thread(lambda: list(self._content.digests())))
            await asyncio.to_thread(self._remove_blobs, unused - self.needed_blobs())

    async def _remove_layers(self) -> list[LayerInfo]:
        used = self.needed_layers()
        unused = {layer.chain_id: layer for layer in self._driver.layers() if layer.chain_id not in used}
        removed = []
        for layer in _top_first(unused):
            try:
                await self._driver.remove_layer(layer.chain_id)
                removed.append(layer)
            except Conflict:  # a container of an image that was removed by force
                log.debug("layer %s is kept: it is in use", layer.chain_id)
        return removed

    def _remove_blobs(self, digests: Iterable[str]) -> None:
        for digest in digests:
            self._content.remove(digest)


def _chain(parent: str | None, diff_id: str) -> str:
    return diff_id if parent is None else chain_ids([parent, diff_id])[1]


def _chains(stacks: Iterable[StoredLayers]) -> set[str]:
    return {chain for stack in stacks for chain in chain_ids([layer.diff_id for layer in stack])}


def _top_first(layers: dict[str, LayerInfo]) -> list[LayerInfo]:
    def depth(layer: LayerInfo) -> int:
        parent = layers.get(layer.parent or "")
        return 1 + depth(parent) if parent else 0

    return sorted(layers.values(), key=depth, reverse=True)


def _copy(source: Hashed, blob: BlobWriter) -> None:
    while data := source.read(CHUNK):
        blob.write(data)


def _nothing() -> None:
    """Nothing to cancel: reading one local file ends by itself."""
