"""The images of this machine and the names that point to them: durable records, indexed in memory.

All changes go through `change`: one at a time, each one commit, memory following the disk. Reading never waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import msgspec

from pogu.engine.images.content import ContentStore
from pogu.engine.images.digests import chain_ids, sha256
from pogu.engine.images.imageconfig import parse_image_config
from pogu.engine.images.record import ImageRecord, StoredImage
from pogu.engine.images.reference import Reference, parse_name_or_digest, parse_reference
from pogu.engine.images.settling import Settling
from pogu.engine.state import Change, Delete, Put, StateStore
from pogu.errors import NotFound, PoguError

IMAGE, REFERENCE = "image", "image-reference"  # kinds of records
T = TypeVar("T")


@dataclass
class Update:
    """A change to the store, decided as a whole and made durable as a whole."""

    images: list[StoredImage] = field(default_factory=list)  # to be added or replaced
    references: dict[Reference, str] = field(default_factory=dict)  # name -> image ID
    removed_images: list[str] = field(default_factory=list)
    removed_references: list[Reference] = field(default_factory=list)


class ImageStore:
    """Images by ID, references by name; loaded once with `load`."""

    def __init__(self, state: StateStore, content: ContentStore, settling: Settling) -> None:
        self._state = state
        self._content = content
        self._settling = settling
        self._lock = asyncio.Lock()
        self.images: dict[str, StoredImage] = {}
        self.complaints: list[str] = []  # about records that could not be used
        self.is_uncertain = False  # a record cannot be read at all: nobody knows what it needs
        self._unusable: dict[str, ImageRecord] = {}
        self._references: dict[Reference, str] = {}
        self._names: dict[str, set[Reference]] = {}
        self._children: dict[str, set[str]] = {}

    def load(self) -> list[str]:
        """Read all records, in a thread; return a line for each that could not be used (its blob is damaged).

        What such an image needs is kept all the same: it may be readable again, and can be loaded again.
        """
        for identifier, data in self._state.load(IMAGE):
            self._load_image(identifier, data)
        for name, data in self._state.load(REFERENCE):
            identifier = data.decode()
            if identifier in self.images:
                self._point(parse_reference(name), identifier)
        return self.complaints

    def _load_image(self, identifier: str, data: bytes) -> None:
        try:
            record = msgspec.json.decode(data, type=ImageRecord)
        except msgspec.MsgspecError as e:
            self.complaints.append(f"image {identifier}: its record cannot be read: {e}")
            self.is_uncertain = True
            return
        try:
            raw = self._content.read(identifier)
            if sha256(raw) != identifier:
                raise PoguError("its configuration is damaged")
            self._insert(StoredImage(record, parse_image_config(raw), raw))
        except (PoguError, OSError) as e:
            self.complaints.append(f"image {identifier}: {e.message if isinstance(e, PoguError) else e}")
            self._unusable[identifier] = record

    def needed_blobs(self) -> set[str]:
        """Return the blobs that must stay, those of images that cannot be used just now included."""
        return used_blobs(self.images.values()).union(*(r.blobs() for r in self._unusable.values()))

    def needed_layers(self) -> set[str]:
        """Return the layers that must stay, likewise."""
        unusable = (chain_ids([layer.diff_id for layer in r.layers]) for r in self._unusable.values())
        return used_layers(self.images.values()).union(*unusable)

    def get(self, identifier: str) -> StoredImage:
        """Return an image by its whole ID; NotFound if there is none."""
        try:
            return self.images[identifier]
        except KeyError:
            raise NotFound(f"No such image: {identifier}") from None

    def references(self, identifier: str) -> list[Reference]:
        """Return the names of an image, sorted."""
        return sorted(self._names.get(identifier, ()), key=str)

    def repository(self, name: Reference) -> list[tuple[Reference, str]]:
        """Return every reference in the repository `name` with the image it points to, sorted."""
        found = [(r, i) for r, i in self._references.items() if (r.domain, r.path) == (name.domain, name.path)]
        return sorted(found, key=lambda pair: str(pair[0]))

    def children(self, identifier: str) -> set[str]:
        """Return the IDs of the images made from this one on this machine."""
        return self._children.get(identifier, set())

    def find_reference(self, reference: Reference) -> str | None:
        """Return the ID of the image that a name points to; `latest` where it has no tag."""
        return self._references.get(reference.key())

    def find_prefix(self, text: str) -> str | None:
        """Return the one image whose ID starts with `text` (`sha256:` may be left out); None for none or several."""
        digits = text.removeprefix("sha256:")
        if not digits or not all(c in "0123456789abcdef" for c in digits):
            return None
        if len(digits) == 64:
            return f"sha256:{digits}" if f"sha256:{digits}" in self.images else None
        found = [i for i in self.images if i.startswith(digits, 7)]
        return found[0] if len(found) == 1 else None

    def resolve(self, text: str) -> StoredImage:
        """Return the image that a name, `name@digest`, ID or beginning of an ID means.

        Raises:
            InvalidArgument: it cannot be a reference.
            NotFound: nothing, or (with an ID's beginning) several images.
        """
        wanted = parse_name_or_digest(text)
        if isinstance(wanted, str):
            if wanted in self.images:
                return self.images[wanted]
            raise NotFound(f"No such image: {wanted}")
        identifier = self.find_reference(wanted) or self.find_prefix(text)
        if identifier is None:
            raise NotFound(f"No such image: {wanted.tagged().familiar}")
        return self.images[identifier]

    async def change(self, decide: Callable[[], tuple[Update, T]]) -> T:
        """Run `decide`, which reads the store and says what to change, make that durable, and return its result.

        Nothing else changes the store between. The files of new images come to the disk afterwards (`settling`). A
        caller that is cancelled does not take the change back.
        """
        return await asyncio.shield(asyncio.ensure_future(self._change(decide)))

    async def _change(self, decide: Callable[[], tuple[Update, T]]) -> T:
        async with self._lock:
            update, result = decide()
            changes = _changes(update)
            if changes:
                await self._state.commit(*changes, *self._settling.note(update.images))
                self._apply(update)
                self._settling.pay()
            return result

    def _apply(self, update: Update) -> None:
        for reference in update.removed_references:
            self._unpoint(reference)
        for identifier in update.removed_images:
            self._remove(identifier)
        for image in update.images:
            self._insert(image)
        for reference, identifier in update.references.items():
            self._unpoint(reference)
            self._point(reference, identifier)

    def _insert(self, image: StoredImage) -> None:
        known = self.images.get(image.record.id)
        if known is not None and known.record.parent:
            self._children[known.record.parent].discard(image.record.id)
        self.images[image.record.id] = image
        if self._unusable.pop(image.record.id, None):  # it was loaded again
            self.complaints = [c for c in self.complaints if image.record.id not in c]
        if image.record.parent:
            self._children.setdefault(image.record.parent, set()).add(image.record.id)

    def _remove(self, identifier: str) -> None:
        image = self.images.pop(identifier)
        self._names.pop(identifier, None)
        self._children.get(image.record.parent, set()).discard(identifier)

    def _point(self, reference: Reference, identifier: str) -> None:
        self._references[reference] = identifier
        self._names.setdefault(identifier, set()).add(reference)

    def _unpoint(self, reference: Reference) -> None:
        identifier = self._references.pop(reference, None)
        if identifier is not None:
            self._names.get(identifier, set()).discard(reference)


def with_record(image: StoredImage, **changes: object) -> StoredImage:
    """Return the image with some fields of its record changed."""
    return replace(image, record=msgspec.structs.replace(image.record, **changes))


def used_blobs(images: Iterable[StoredImage]) -> set[str]:
    return {digest for image in images for digest in image.record.blobs()}


def used_layers(images: Iterable[StoredImage]) -> set[str]:
    return {chain for image in images for chain in image.chain_ids}


def _changes(update: Update) -> list[Change]:
    return [
        *(Delete(REFERENCE, str(reference)) for reference in update.removed_references),
        *(Delete(IMAGE, identifier) for identifier in update.removed_images),
        *(Put(IMAGE, image.record.id, msgspec.json.encode(image.record)) for image in update.images),
        *(Put(REFERENCE, str(reference), identifier.encode()) for reference, identifier in update.references.items()),
    ]
