"""`docker load`: images from an uploaded archive, all of them or none."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pogu.engine.archive.streams import ThreadReader, run_in_thread
from pogu.engine.images.archives import PlannedImage, read_archive
from pogu.engine.images.content import ContentStore
from pogu.engine.images.digests import chain_ids, short_id
from pogu.engine.images.imageconfig import History
from pogu.engine.images.layers import LayerFile, Layers
from pogu.engine.images.members import Members
from pogu.engine.images.platform import Platform
from pogu.engine.images.progress import Counter, Progress
from pogu.engine.images.record import ImageRecord, StoredImage, StoredLayer
from pogu.engine.images.reference import Reference
from pogu.engine.images.store import ImageStore, Update
from pogu.errors import InvalidArgument
from pogu.failpoints import step

in_use: set[Path] = set()  # the temporary directories of this process


@dataclass(frozen=True, slots=True)
class Loaded:
    """One image that `load` added: its ID and the names it got."""

    id: str
    references: list[Reference]


class Loader:
    """Adds the images of archives. `spool` is a directory for uploads, on the file system of the content store."""

    def __init__(self, store: ImageStore, content: ContentStore, layers: Layers, spool: Path) -> None:
        self._store = store
        self._content = content
        self._layers = layers
        self._spool = spool

    async def load(
        self, stream: AsyncIterator[bytes], progress: Progress, quiet: bool, platform: Platform | None
    ) -> list[Loaded]:
        """Read an archive and add its images; what it says of itself goes to `progress`.

        Raises:
            InvalidArgument: the archive is not one, incomplete or contradictory; nothing of it is kept.
        """
        async with temporary_directory(self._spool, "load-") as directory, _members(directory) as members:
            step("image.load.directory")
            planned = await self._receive(stream, members, platform)
            step("image.load.received")
            async with self._layers.adding():
                added: dict[str, StoredLayer] = {}
                images = [await self._add(image, added, None if quiet else progress) for image in planned]
                step("image.load.added")
                replaced = await self._store.change(lambda: self._decide(planned, images))
                step("image.load.recorded")
        _report(planned, replaced, progress)
        return [Loaded(image.id, image.references) for image in planned]

    async def _receive(
        self, stream: AsyncIterator[bytes], members: Members, platform: Platform | None
    ) -> list[PlannedImage]:
        reader = ThreadReader(stream)

        def read() -> list[PlannedImage]:
            members.unpack(reader)
            return read_archive(members, platform)

        return await run_in_thread(read, reader.cancel, "image load")

    async def _add(self, image: PlannedImage, added: dict[str, StoredLayer], progress: Progress | None) -> StoredImage:
        """Add the layers and configuration of one image; `added` has, by chain ID, what the archive gave before."""
        parent: str | None = None
        chains = chain_ids(image.details.diff_ids)
        for number, (chain, file) in enumerate(zip(chains, image.layers, strict=True)):
            if chain not in added:
                added[chain] = await self._add_layer(chain, parent, file, number, progress)
            parent = chain
        await asyncio.to_thread(self._content.put, image.raw)
        return StoredImage(ImageRecord(image.id, [added[chain] for chain in chains]), image.details, image.raw)

    async def _add_layer(
        self, chain: str, parent: str | None, file: LayerFile | None, number: int, progress: Progress | None
    ) -> StoredLayer:
        if file is None:
            known = self._layers.stored(chain)
            if known is None:
                raise InvalidArgument(f"invalid archive: layer {number} of an image is missing")
            return known
        seen = None
        if progress is not None:
            seen = Counter(progress, "Loading layer", short_id(file.diff_id), file.path.stat().st_size)
        return await self._layers.add(file, parent, seen)

    def _decide(
        self, planned: list[PlannedImage], images: list[StoredImage]
    ) -> tuple[Update, list[tuple[Reference, str]]]:
        """Keep what the machine knows of images it has already, link parents, and move the names."""
        update = Update()
        replaced: list[tuple[Reference, str]] = []
        by_id = {image.record.id: image for image in images}
        for plan in planned:
            if plan.id not in self._store.images:
                parent = by_id.get(plan.parent)
                image = by_id[plan.id]
                if parent is not None and plan.parent != plan.id and _descends(image, parent):
                    image.record.parent = plan.parent
                update.images.append(image)
            for reference in plan.references:
                before = self._store.find_reference(reference)
                if before not in (None, plan.id):
                    replaced.append((reference, str(before)))
                update.references[reference] = plan.id
        return update, replaced


def _report(planned: list[PlannedImage], replaced: list[tuple[Reference, str]], progress: Progress) -> None:
    for reference, before in replaced:
        text = f"The image {reference.familiar} already exists, renaming the old one with ID {before} to empty string\n"
        progress({"stream": text})
    for image in planned:
        for reference in image.references:
            progress({"stream": f"Loaded image: {reference.familiar}\n"})
        if not image.references:
            progress({"stream": f"Loaded image ID: {image.id}\n"})


def _descends(image: StoredImage, parent: StoredImage) -> bool:
    """Tell whether `parent` can be what `image` was made from: its history is the same but for the last step."""
    child: list[History] = image.details.history or []
    older: list[History] = parent.details.history or []
    return (not child and not older) or (len(child) == len(older) + 1 and child[:-1] == older)


@asynccontextmanager
async def _members(directory: Path) -> AsyncIterator[Members]:
    members = Members(directory)
    try:
        yield members
    finally:
        members.close()


@asynccontextmanager
async def temporary_directory(parent: Path, prefix: str) -> AsyncIterator[Path]:
    """A directory that is gone afterwards, with all that is in it."""
    parent.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    in_use.add(directory)
    try:
        yield directory
    finally:  # large files take a while to unlink
        await asyncio.shield(asyncio.to_thread(_remove, directory))


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    in_use.discard(directory)
