"""`docker pull`: an image from a registry, layers unpacked while they come; all of it or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from pogu.engine.archive.streams import run_in_thread
from pogu.engine.images.content import ContentStore
from pogu.engine.images.digests import chain_ids, short_id
from pogu.engine.images.downloads import Downloads, Joined
from pogu.engine.images.imageconfig import ImageConfig, parse_image_config
from pogu.engine.images.layers import Layers
from pogu.engine.images.manifest import Descriptor
from pogu.engine.images.platform import Platform
from pogu.engine.images.progress import Progress, Row
from pogu.engine.images.record import ImageRecord, StoredImage, StoredLayer, StoredManifest
from pogu.engine.images.reference import Reference
from pogu.engine.images.remote import Listed, Remote, check_platform, explained, find_image, look_up, on_first
from pogu.engine.images.store import ImageStore, Update, with_record
from pogu.engine.images.unpacking import OpenFile, unpack
from pogu.engine.registries.cancelling import Canceller
from pogu.engine.registries.credentials import Credentials
from pogu.engine.registries.registries import Registries
from pogu.engine.registries.repository import Repository
from pogu.errors import InvalidArgument, PoguError
from pogu.failpoints import step

T = TypeVar("T")


class Puller:
    """Adds images of registries."""

    def __init__(
        self,
        store: ImageStore,
        content: ContentStore,
        layers: Layers,
        registries: Registries,
        downloads: Downloads,
    ) -> None:
        self._store = store
        self._content = content
        self._layers = layers
        self._registries = registries
        self._downloads = downloads

    async def tags(self, reference: Reference, credentials: Credentials) -> list[str]:
        """Return all tags of a repository, for `pull -a`. Raises as `pull`."""
        return await self._ask(reference, credentials, lambda repository: list(repository.tags()))

    async def look_up(self, reference: Reference, credentials: Credentials) -> Listed:
        """Return what a name stands for, without fetching its layers. Raises as `pull`."""
        return await self._ask(reference, credentials, lambda repository: look_up(repository, reference))

    async def _ask(self, reference: Reference, credentials: Credentials, work: Callable[[Repository], T]) -> T:
        async with self._opened(reference, credentials) as repositories:
            return await _on_first(repositories, work)

    @asynccontextmanager
    async def _opened(self, reference: Reference, credentials: Credentials) -> AsyncIterator[Sequence[Repository]]:
        """Open the repository on the servers of its registry; errors come out in the words of a pull."""
        try:
            repositories = await asyncio.to_thread(self._registries.open, reference, credentials)
            try:
                yield repositories
            finally:
                for repository in repositories:
                    repository.close()
        except PoguError as e:
            raise explained(e, reference) from None

    async def pull(
        self, reference: Reference, credentials: Credentials, platform: Platform | None, progress: Progress
    ) -> str:
        """Add the image that `reference` (with a tag or digest) stands for; return its ID.

        Raises:
            NotFound: there is none, none for the platform, or none for who asks.
            Unauthenticated: the registry wants to know who asks.
            InvalidArgument: what the registry sends is not what it says; nothing of it is kept.
            Unavailable: the registry cannot be reached.
        """
        async with self._opened(reference, credentials) as repositories:
            remote = await _on_first(repositories, lambda repository: find_image(repository, reference, platform))
            progress({"status": f"Pulling from {reference.path}", "id": reference.digest or reference.tag})
            async with self._layers.adding():
                image = await self._fetch(remote, reference, platform, progress)
                step("image.pull.fetched")
                newer = await self._store.change(lambda: self._decide(image, reference, remote))
                step("image.pull.recorded")
        progress({"status": f"Digest: {remote.digest}"})
        status = "Downloaded newer image for" if newer else "Image is up to date for"
        progress({"status": f"Status: {status} {reference.familiar}"})
        return image.record.id

    async def _fetch(
        self, remote: Remote, reference: Reference, platform: Platform | None, progress: Progress
    ) -> StoredImage:
        manifest = remote.parsed
        rows = [_Row(layer, progress) for layer in manifest.layers]
        async with AsyncExitStack() as stack:
            config = await self._join(stack, remote, manifest.config, None)
            joined: dict[str, Joined | None] = {}
            for layer, row in zip(manifest.layers, rows, strict=True):
                if layer.digest not in joined:
                    joined[layer.digest] = await self._join(stack, remote, layer, row)
            raw = await self._read(config, manifest.config)
            details = _checked_config(raw, remote)
            check_platform(details, platform, reference)
            layers = await self._place_all(rows, details, joined)
            for each in (config, *joined.values()):
                if each is not None:
                    await each.kept()
            await asyncio.to_thread(self._content.put, remote.manifest.data)
        for placed in layers:
            self._layers.note_verified(placed.digest, placed.diff_id)
        kept = remote.manifest
        stored = StoredManifest(kept.digest, kept.media_type, len(kept.data), layers)
        return StoredImage(ImageRecord(manifest.config.digest, layers, manifests=[stored]), details, raw)

    async def _read(self, joined: Joined | None, blob: Descriptor) -> bytes:
        """Return a small blob as soon as it has come, or from the store."""
        if joined is None:
            return await asyncio.to_thread(self._content.read, blob.digest)
        reader = joined.reader()
        return await run_in_thread(lambda: b"".join(iter(reader.read, b"")), reader.cancel, "configuration")

    async def _join(self, stack: AsyncExitStack, remote: Remote, blob: Descriptor, row: _Row | None) -> Joined | None:
        """Have a blob fetched until `stack` is closed; None where it is here."""
        if self._content.has(blob.digest):
            return None
        if row is not None:
            row.say("Pulling fs layer")
        watcher = row.watch(asyncio.get_running_loop()) if row else _unwatched
        return await stack.enter_async_context(self._downloads.join(remote.repository, blob, watcher))

    async def _place_all(
        self, rows: list[_Row], details: ImageConfig, joined: dict[str, Joined | None]
    ) -> list[StoredLayer]:
        """Unpack the layers, bottom first, each as soon as the one below it is there."""
        chains = chain_ids(details.diff_ids)
        for row, chain, diff_id in zip(rows, chains, details.diff_ids, strict=True):
            if joined[row.layer.digest] is None:
                there = self._layers.is_verified(chain, row.layer.digest, diff_id)
                row.say("Already exists" if there else "Pulling fs layer")
        parent: str | None = None
        stored: list[StoredLayer] = []
        for row, chain, diff_id in zip(rows, chains, details.diff_ids, strict=True):
            await self._place(row, joined[row.layer.digest], diff_id, (chain, parent))
            stored.append(StoredLayer(diff_id, row.layer.digest, row.layer.media_type, row.layer.size))
            parent = chain
        return stored

    async def _place(self, row: _Row, joined: Joined | None, diff_id: str, where: tuple[str, str | None]) -> None:
        """Unpack one layer while its blob comes."""
        chain, parent = where
        if self._layers.is_verified(chain, row.layer.digest, diff_id):
            return
        seen = row.extracting(asyncio.get_running_loop())
        if joined is None:
            with self._content.open(row.layer.digest) as opened:
                await unpack(self._layers.driver, OpenFile(opened), parent, diff_id, seen)
        else:
            await unpack(self._layers.driver, joined.reader(), parent, diff_id, seen)
        step("image.pull.layer")
        row.say("Pull complete")

    def _decide(self, image: StoredImage, reference: Reference, remote: Remote) -> tuple[Update, bool]:
        """Keep what the machine knows of an image it has already, and move the names."""
        known = self._store.images.get(image.record.id)
        manifest = image.record.manifests[0]
        if known is not None:
            others = [m for m in known.record.manifests if m.digest != manifest.digest]
            image = with_record(known, manifests=[manifest, *others])
        key = reference.key()
        newer = self._store.find_reference(key) != image.record.id
        by_digest = replace(reference, tag="", digest=remote.digest)
        return Update(images=[image], references={key: image.record.id, by_digest: image.record.id}), newer


async def _on_first(repositories: Sequence[Repository], work: Callable[[Repository], T]) -> T:
    """Return what `work` gives, in a thread, on the first server that can be used."""
    canceller = Canceller()
    watched = [repository.with_canceller(canceller) for repository in repositories]
    return await run_in_thread(lambda: on_first(watched, work), canceller.cancel, "registry")


def _checked_config(raw: bytes, remote: Remote) -> ImageConfig:
    details = parse_image_config(raw)
    if len(raw) != remote.parsed.config.size:
        raise InvalidArgument(f"image configuration {remote.parsed.config.digest} has another size than said")
    if len(details.diff_ids) != len(remote.parsed.layers):
        raise InvalidArgument("mismatched number of rootfs and manifest layers")
    return details


def _unwatched(_what: str, _size: int) -> None:
    """Nobody is shown how the configuration comes."""


class _Row(Row):
    """What is shown of one layer that comes."""

    def __init__(self, layer: Descriptor, progress: Progress) -> None:
        super().__init__(short_id(layer.digest), layer.size, progress)
        self.layer = layer
        self._unpacking = False

    def watch(self, loop: asyncio.AbstractEventLoop) -> Callable[[str, int], None]:
        """Return what a download tells its state to, from its thread."""

        def seen(what: str, size: int) -> None:
            if what != "Downloading":
                loop.call_soon_threadsafe(self.say, what)
            elif not self._unpacking:  # else it is shown already how it is unpacked: one line, one story
                self.move(loop, what, size)

        return seen

    def extracting(self, loop: asyncio.AbstractEventLoop) -> Callable[[int], None]:
        """Return what is told how much of the blob has been unpacked, from a thread."""

        def seen(size: int) -> None:
            self._unpacking = True
            self.move(loop, "Extracting", size)

        return seen
