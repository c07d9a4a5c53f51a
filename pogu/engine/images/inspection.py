"""What the checker of the whole engine asks about images, and the few repairs it may make."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pogu.engine.archive import CHUNK, DIRECTORY, REGULAR, Readable, TarReader, clean, decompress, run_in_thread
from pogu.engine.images.content import ContentStore
from pogu.engine.images.layers import Layers
from pogu.engine.images.record import StoredImage, StoredLayer
from pogu.engine.images.store import ImageStore
from pogu.linux.paths import open_in_root, open_root, opened


@dataclass(frozen=True, slots=True)
class Account:
    """The images in memory; complaints about records that could not be used, and what is kept for their sake."""

    images: list[StoredImage]
    complaints: list[str]
    kept_blobs: set[str]
    kept_layers: set[str]
    adding: bool  # something is being added: blobs and layers may have no image yet


class Inspection:
    """Looks at the images' room from outside. Methods that return at once are for the loop, the others for threads."""

    def __init__(self, store: ImageStore, content: ContentStore, layers: Layers) -> None:
        self._store = store
        self._content = content
        self._layers = layers

    def account(self) -> Account:
        """Return what the room believes."""
        store = self._store
        return Account(
            list(store.images.values()),
            list(store.complaints),
            self._layers.needed_blobs(),
            self._layers.needed_layers(),
            self._layers.is_adding or store.is_uncertain,
        )

    def blobs(self) -> dict[str, int]:
        """Return the bytes of every stored blob by digest; blocks."""
        return dict(self._sizes())

    def _sizes(self) -> Iterator[tuple[str, int]]:
        for digest in self._content.digests():
            try:
                yield digest, self._content.path(digest).stat().st_size
            except FileNotFoundError:  # removed meanwhile
                continue

    def unfinished(self) -> list[str]:
        """Return the names of blobs that were begun and not finished; blocks."""
        return self._content.unfinished()

    def forget_unfinished(self, name: str) -> None:
        """Delete one of them."""
        self._content.forget_unfinished(name)

    async def is_damaged(self, digest: str) -> bool:
        """Read a blob, and say whether it is not what its name says. False for one that is gone."""

        def work() -> bool:
            return self._content.has(digest) and not self._content.is_whole(digest)

        return await run_in_thread(work, lambda: None, "blob check")

    def remove_blob(self, digest: str) -> None:
        """Remove a damaged blob of a layer, so that loading its image again brings a whole one."""
        self._content.remove(digest)

    async def restore(self, image_id: str) -> None:
        """Unpack the layers of an image that are missing."""
        await self._layers.restore(self._store.get(image_id))

    async def collect(self) -> None:
        """Remove what no image has."""
        await self._layers.collect()

    async def differences(self, layer: StoredLayer, tree: Path) -> list[str]:
        """Compare a layer's files with its archive; return the paths that are missing or have other content.

        Raises:
            PoguError: the archive is gone or damaged.
        """

        def work() -> list[str]:
            with self._content.open(layer.digest) as blob:
                return _differences(_expected(blob), tree)

        return await run_in_thread(work, lambda: None, "layer check")

    async def unpack_again(self, layer: StoredLayer, chain: str) -> None:
        """Replace the files of a layer, which nothing may have mounted, by those of its archive."""
        await self._layers.replace(layer, chain)


def _expected(blob: Readable) -> dict[str, tuple[bytes, int, bytes]]:
    """Return type, size and hash of every plain file and directory in an archive, the last of those with one name."""
    found: dict[str, tuple[bytes, int, bytes]] = {}
    reader = TarReader(decompress(blob))
    for entry in reader:
        name = clean(entry.name)
        if entry.type == REGULAR and entry.extents is None and not name.rpartition("/")[2].startswith(".wh."):
            digest = hashlib.sha256()
            for piece in reader.content():
                digest.update(piece)
            found[name] = (REGULAR, entry.size, digest.digest())
        elif entry.type == DIRECTORY:
            found[name] = (DIRECTORY, 0, b"")
        else:
            found.pop(name, None)
    return found


def _differences(expected: dict[str, tuple[bytes, int, bytes]], tree: Path) -> list[str]:
    different: list[str] = []
    with opened(open_root(tree)) as root:
        for name, (kind, size, digest) in sorted(expected.items()):
            head = name.rpartition("/")[0]
            if any(head == d or head.startswith(f"{d}/") for d in different):
                continue
            if not _is_same(root, name, kind, size, digest):
                different.append(name)
    return different


def _is_same(root: int, name: str, kind: bytes, size: int, digest: bytes) -> bool:
    if kind == DIRECTORY:
        return _is_there(root, name) or _leads_elsewhere(root, name)
    try:
        fd = open_in_root(root, name, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return _leads_elsewhere(root, name)
    with opened(fd):
        if os.fstat(fd).st_size != size:
            return False
        seen = hashlib.sha256()
        while data := os.read(fd, CHUNK):
            seen.update(data)
        return seen.digest() == digest


def _is_there(root: int, name: str) -> bool:
    try:
        os.close(open_in_root(root, name or ".", os.O_PATH | os.O_NOFOLLOW))
    except OSError:
        return False
    return True


def _leads_elsewhere(root: int, name: str) -> bool:
    """Tell whether a link stands on the way: it may lead into a layer below, where the archive's file went."""
    parts = name.split("/")
    for end in range(1, len(parts)):
        try:
            with opened(open_in_root(root, "/".join(parts[:end]), os.O_PATH | os.O_NOFOLLOW)) as fd:
                if stat.S_ISLNK(os.fstat(fd).st_mode):
                    return True
        except OSError:
            return False
    return False


async def read_blobs(inspection: Inspection, digests: list[str]) -> list[str]:
    """Return those of the blobs that are damaged."""
    damaged = []
    for digest in digests:
        if await inspection.is_damaged(digest):
            damaged.append(digest)
        await asyncio.sleep(0)
    return damaged
