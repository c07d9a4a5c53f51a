"""`docker save`: images as one archive that is Docker's (`manifest.json`, `repositories`) and an OCI layout at once.

The same images always give the same bytes: members are in order and all times are the epoch.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgspec

from pogu.engine.archive import CHUNK, DIRECTORY, Entry, build_header, padding, produce_in_thread
from pogu.engine.images.content import ContentStore
from pogu.engine.images.manifest import (
    IMAGE_NAME,
    OCI_INDEX,
    REF_NAME,
    ArchiveItem,
    Descriptor,
    Index,
)
from pogu.engine.images.record import StoredImage
from pogu.engine.images.reference import Reference, parse_name_or_digest
from pogu.engine.images.store import ImageStore
from pogu.engine.images.variants import own_manifest
from pogu.errors import NotFound


@dataclass
class Selection:
    """Images to be saved, in the order they were asked for, each with the tags it is saved under."""

    store: ImageStore
    images: dict[str, list[Reference]] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Select what a name or ID means: a name without tag means all tags of the repository.

        Raises:
            NotFound, InvalidArgument: nothing of that name.
        """
        wanted = parse_name_or_digest(text)
        if isinstance(wanted, str):
            self._take(self.store.resolve(text).record.id, None)
            return
        if not wanted.tag and not wanted.digest and wanted.familiar_name != "sha256":
            found = self.store.repository(wanted)
            for reference, identifier in found:
                self._take(identifier, reference)
            if found:
                return
        self._one(text, wanted)

    def _one(self, text: str, wanted: Reference) -> None:
        identifier = self.store.find_reference(wanted)
        if identifier is not None:
            self._take(identifier, wanted.key())
            return
        identifier = self.store.find_prefix(text)
        if identifier is None:
            raise NotFound(f"No such image: {text}")
        self._take(identifier, None)

    def _take(self, identifier: str, reference: Reference | None) -> None:
        names = self.images.setdefault(identifier, [])
        if reference is not None and reference.tag and reference not in names:
            names.append(reference)


def save(store: ImageStore, content: ContentStore, selection: Selection) -> AsyncIterator[bytes]:
    """Yield the archive. What is removed once the first bytes have come is still in it.

    Raises (from iteration):
        NotFound: an image was removed before its blobs were opened.
    """
    chosen = [(store.get(identifier), names) for identifier, names in selection.images.items()]
    return produce_in_thread(lambda emit: _Archive(content, chosen).write(emit), "image save")


class _Archive:
    """Writes one archive, in a thread."""

    def __init__(self, content: ContentStore, images: list[tuple[StoredImage, list[Reference]]]) -> None:
        self._content = content
        self._images = images
        self._open = ExitStack()
        self._emit: Callable[[bytes], None]
        self._blobs: dict[str, bytes | tuple[BinaryIO, int]] = {}

    def write(self, emit: Callable[[bytes], None]) -> None:
        self._emit = emit
        with self._open:
            items, index, repositories = self._gather()
            self._write_blobs()
            self._member("index.json", _json(index))
            self._member("manifest.json", _json(items))
            self._member("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
            if repositories:
                self._member("repositories", _json(repositories))
        emit(bytes(1024))

    def _gather(self) -> tuple[list[ArchiveItem], Index, dict[str, dict[str, str]]]:
        items: list[ArchiveItem] = []
        entries: list[Descriptor] = []
        repositories: dict[str, dict[str, str]] = {}
        saved = {image.record.id for image, _ in self._images}
        for image, names in self._images:
            manifest = self._add_image(image)
            items.append(_item(image, names, saved))
            entries += [_named(manifest, name) for name in names] or [manifest]
            for name in names:
                if image.record.layers:  # the form from before manifest.json cannot say "no layers"
                    top = image.record.layers[-1].digest.removeprefix("sha256:")
                    repositories.setdefault(name.familiar_name, {})[name.tag] = top
        return items, Index(2, entries, OCI_INDEX), repositories

    def _add_image(self, image: StoredImage) -> Descriptor:
        """Open the blobs of an image and return the descriptor of a manifest for it."""
        for layer in image.record.layers:
            if layer.digest not in self._blobs:
                file = self._open.enter_context(self._content.open(layer.digest))
                self._blobs[layer.digest] = (file, layer.size)
        self._blobs[image.record.id] = image.raw
        descriptor, manifest = own_manifest(image)
        self._blobs[descriptor.digest] = manifest
        return descriptor

    def _write_blobs(self) -> None:
        for directory in ("blobs/", "blobs/sha256/"):
            self._emit(build_header(Entry(directory, type=DIRECTORY, mode=0o755)))
        for digest, blob in sorted(self._blobs.items()):
            name = f"blobs/{digest.replace(':', '/')}"
            if isinstance(blob, bytes):
                self._member(name, blob)
            else:
                self._copy(name, *blob)

    def _member(self, name: str, data: bytes) -> None:
        self._emit(_header(name, len(data)) + data + bytes(padding(len(data))))

    def _copy(self, name: str, file: BinaryIO, size: int) -> None:
        self._emit(_header(name, size))
        while data := file.read(CHUNK):
            self._emit(data)
        self._emit(bytes(padding(size)))


def _header(name: str, size: int) -> bytes:
    return build_header(Entry(name, mode=0o644, size=size, stored=size))


def _item(image: StoredImage, names: Iterable[Reference], saved: set[str]) -> ArchiveItem:
    layers = image.record.layers
    return ArchiveItem(
        config=f"blobs/{image.record.id.replace(':', '/')}",
        repo_tags=[name.familiar for name in names] or None,
        layers=[f"blobs/{layer.digest.replace(':', '/')}" for layer in layers],
        layer_sources={layer.diff_id: Descriptor(layer.media_type, layer.digest, layer.size) for layer in layers},
        parent=image.record.parent if image.record.parent in saved else "",
    )


def _named(manifest: Descriptor, name: Reference) -> Descriptor:
    return msgspec.structs.replace(manifest, annotations={IMAGE_NAME: str(name), REF_NAME: name.tag})


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")
