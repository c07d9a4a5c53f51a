"""`docker push`: an image to a registry, in the form it came; blobs that are there already are not sent again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial

from pogu.engine.archive.streams import run_in_thread
from pogu.engine.images.content import ContentStore
from pogu.engine.images.digests import short_id
from pogu.engine.images.layers import Layers
from pogu.engine.images.packing import Packed, came_with, pack
from pogu.engine.images.progress import Progress, Row
from pogu.engine.images.record import StoredImage, StoredLayer
from pogu.engine.images.reference import Reference
from pogu.engine.images.remote import on_first
from pogu.engine.images.store import ImageStore, Update, with_record
from pogu.engine.registries.cancelling import Canceller
from pogu.engine.registries.credentials import Credentials
from pogu.engine.registries.failures import RegistryError
from pogu.engine.registries.registries import Registries
from pogu.engine.registries.repository import Repository
from pogu.engine.registries.uploads import Blob, Upload, mount
from pogu.errors import NotFound
from pogu.failpoints import step


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a push has stored under a tag."""

    tag: str
    digest: str
    size: int  # bytes of the manifest


class Pusher:
    """Sends images to registries. `limit` is how many blobs of one push are sent at a time."""

    def __init__(
        self,
        store: ImageStore,
        content: ContentStore,
        layers: Layers,
        registries: Registries,
        limit: Callable[[], int],
    ) -> None:
        self._store = store
        self._content = content
        self._layers = layers
        self._registries = registries
        self._limit = limit

    def tags(self, reference: Reference) -> list[Reference]:
        """Return the tagged names of a repository on this machine, for `push -a`; NotFound if it has none."""
        found = [name for name, _ in self._store.repository(reference) if name.tag]
        if not found:
            raise NotFound(f"An image does not exist locally with the tag: {reference.familiar_name}")
        return found

    async def push(self, reference: Reference, credentials: Credentials, progress: Progress) -> Pushed:
        """Send the image named `reference` (with a tag) and store it under that tag.

        Raises:
            NotFound: there is no such image here.
            Unauthenticated, Forbidden: whoever asks may not.
            Unavailable: the registry cannot be reached. What it has got by then stays there; the next push goes on.
        """
        identifier = self._store.find_reference(reference)
        if identifier is None:
            self.tags(reference)
            raise NotFound(f"tag does not exist: {reference.familiar}")
        image = self._store.get(identifier)
        try:
            packed = await self._push(image, reference, credentials, progress)
        except RegistryError as e:
            raise e.plain() from None
        pushed = Pushed(reference.tag, packed.stored.digest, len(packed.data))
        progress({"status": f"{pushed.tag}: digest: {pushed.digest} size: {pushed.size}"})
        progress({"progressDetail": {}, "aux": {"Tag": pushed.tag, "Digest": pushed.digest, "Size": pushed.size}})
        return pushed

    async def _push(
        self, image: StoredImage, reference: Reference, credentials: Credentials, progress: Progress
    ) -> Packed:
        canceller = Canceller()
        opened = await asyncio.to_thread(self._registries.open, reference, credentials, push=True)
        watched = [repository.with_canceller(canceller) for repository in opened]
        try:
            async with self._layers.adding():
                packed = await run_in_thread(lambda: self._pack(image, reference), _nothing, "pack")
                repository = await run_in_thread(lambda: on_first(watched, _greeted), canceller.cancel, "push")
                await self._send_all(repository, packed, reference, progress)
                step("image.push.sent")
                store = partial(repository.put_manifest, reference.tag, packed.stored.media_type, packed.data)
                await run_in_thread(store, canceller.cancel, "push")
                step("image.push.stored")
                await self._store.change(lambda: self._decide(image.record.id, packed, reference))
        finally:
            for each in opened:
                each.close()
        return packed

    def _pack(self, image: StoredImage, reference: Reference) -> Packed:
        """Return the manifest that the repository has for the image, else another it came with, else a new one."""
        names = {r.digest for r in self._store.references(image.record.id) if r.name == reference.name}
        known = sorted(image.record.manifests, key=lambda manifest: manifest.digest not in names)
        return came_with(self._content, known[0]) if known else pack(self._content, image)

    async def _send_all(self, repository: Repository, packed: Packed, reference: Reference, progress: Progress) -> None:
        sources = self._sources(reference)
        paths = {sources[layer.digest] for layer in packed.stored.layers if layer.digest in sources}
        repository.add_scopes(sorted(paths))
        turns = asyncio.Semaphore(max(1, self._limit()))
        layers = {layer.digest: layer for layer in reversed(packed.stored.layers)}
        rows = [_Row(layer, progress) for layer in layers.values()]
        for row in rows:
            row.say("Preparing")
        sends = [self._send_layer(repository, row, turns, sources.get(row.layer.digest)) for row in rows]
        config = _Row(StoredLayer("", packed.config.digest, packed.config.media_type, packed.config.size), _unseen)
        await _all([*sends, self._send_layer(repository, config, turns, None)])

    async def _send_layer(
        self, repository: Repository, row: _Row, turns: asyncio.Semaphore, source: str | None
    ) -> None:
        if turns.locked():
            row.say("Waiting")
        async with turns:
            canceller = Canceller()
            sending = _Sending(repository.with_canceller(canceller), self._content, row, asyncio.get_running_loop())
            await run_in_thread(lambda: sending.run(source), canceller.cancel, "push")
            step("image.push.layer")

    def _sources(self, reference: Reference) -> dict[str, str]:
        """Return, by the digest of a layer, another repository of the same registry that should have it."""
        found: dict[str, str] = {}
        for image in self._store.images.values():
            names = [r for r in self._store.references(image.record.id) if r.digest and r.domain == reference.domain]
            for name in names:
                if name.path != reference.path:
                    for manifest in image.record.manifests:
                        found.update((layer.digest, name.path) for layer in manifest.layers)
        return found

    def _decide(self, identifier: str, packed: Packed, reference: Reference) -> tuple[Update, None]:
        """Remember the manifest and its digest as a name, as a pull would have."""
        image = self._store.images.get(identifier)
        if image is None:  # it was removed meanwhile
            return Update(), None
        others = [m for m in image.record.manifests if m.digest != packed.stored.digest]
        by_digest = replace(reference, tag="", digest=packed.stored.digest)
        known = with_record(image, manifests=[packed.stored, *others])
        return Update(images=[known], references={by_digest: identifier}), None


def _greeted(repository: Repository) -> Repository:
    repository.greet()
    return repository


async def _all(works: Sequence[Coroutine[None, None, None]]) -> None:
    """Wait for all; when one fails the others are cancelled and waited for, and its error is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class _Sending:
    """One blob, sent in a thread."""

    def __init__(
        self, repository: Repository, content: ContentStore, row: _Row, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._repository = repository
        self._content = content
        self._row = row
        self._loop = loop

    def run(self, source: str | None) -> None:
        """Send the blob unless it is there; `source` is a repository that should have it."""
        layer = self._row.layer
        if self._repository.has_blob(layer.digest):
            return self._say("Layer already exists")
        session = None
        if source is not None:
            session = mount(self._repository, layer.digest, source)
            if session is None:
                return self._say(f"Mounted from {source}")
        with self._content.open(layer.digest) as blob:
            read = lambda offset, size: os.pread(blob.fileno(), size, offset)  # noqa: E731
            Upload(self._repository, Blob(layer.digest, layer.size, read), self._seen).run(session)
        return self._say("Pushed")

    def _say(self, status: str) -> None:
        self._loop.call_soon_threadsafe(self._row.say, status)

    def _seen(self, size: int) -> None:
        self._row.move(self._loop, "Pushing", size)


class _Row(Row):
    """What is shown of one layer that goes."""

    def __init__(self, layer: StoredLayer, progress: Progress) -> None:
        super().__init__(short_id(layer.diff_id), layer.size, progress)
        self.layer = layer


def _unseen(_message: dict[str, object]) -> None:
    """Nobody is shown how the configuration goes."""


def _nothing() -> None:
    """Compressing cannot be cut short; it is finished, and collected."""
