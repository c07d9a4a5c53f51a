"""Images that were answered for before the disk had all of them: what is owed to it, and paying.

An image is recorded together with the blobs and layers of it that may be in memory alone, and with the start of the
machine (boot ID) that this is. One sync, which nobody waits for, brings them to the disk; then the note goes. A
daemon that is killed loses nothing: the kernel has the files. Where the machine has gone down before the note went, its
blobs are read and its layers unpacked again by the next start (decision 8).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

import msgspec

from pogu.engine.images.content import ContentStore
from pogu.engine.images.record import StoredImage
from pogu.engine.state import Change, Delete, Put, StateStore
from pogu.engine.storage import StorageDriver
from pogu.errors import PoguError
from pogu.failpoints import step
from pogu.linux.boot import boot_id

log = logging.getLogger(__name__)

OWED = "image-owed"  # kind of records


class Owed(msgspec.Struct):
    """What the disk may not have of one image: digests of blobs, chain IDs of layers."""

    boot: str
    blobs: list[str] = []
    layers: list[str] = []


class Settling:
    """Notes what is owed to the disk and pays it. For the event loop."""

    def __init__(self, state: StateStore, content: ContentStore, driver: StorageDriver) -> None:
        self._state = state
        self._content = content
        self._driver = driver
        self._owed: dict[str, Owed] = {}  # by image ID
        self._paying: asyncio.Task[None] | None = None

    def note(self, images: Iterable[StoredImage]) -> list[Change]:
        """Return the notes that have to be recorded with these images. `pay` once they are."""
        notes: list[Change] = []
        for image in images:
            owed = Owed(
                boot_id(), self._content.unsettled(image.record.blobs()), self._driver.unsettled(image.chain_ids)
            )
            if owed.blobs or owed.layers:
                self._owed[image.record.id] = owed
                notes.append(Put(OWED, image.record.id, msgspec.json.encode(owed)))
        return notes

    def pay(self) -> None:
        """Begin to bring what is owed to the disk, if that is not under way."""
        if self._owed and (self._paying is None or self._paying.done()):
            self._paying = asyncio.ensure_future(self._pay())

    async def finish(self) -> None:
        """Wait until nothing is owed that can be paid."""
        self.pay()
        if self._paying is not None:
            await self._paying

    async def _pay(self) -> None:
        while self._owed:
            due = list(self._owed)
            try:
                step("image.settle.begun")
                await asyncio.gather(self._driver.settle(), asyncio.to_thread(self._content.settle))
                step("image.settle.synced")
                paid = [id_ for id_ in due if not self._is_owed(self._owed[id_])]
                await self._state.commit(*(Delete(OWED, id_) for id_ in paid))
            except (OSError, PoguError) as e:
                log.error("images are not on the disk yet: %s", e)
                return
            for id_ in paid:
                if not self._is_owed(self._owed[id_]):
                    del self._owed[id_]

    def _is_owed(self, owed: Owed) -> bool:
        return bool(self._content.unsettled(owed.blobs) or self._driver.unsettled(owed.layers))

    async def due(self) -> dict[str, Owed]:
        """Read the notes that an earlier process left; return those from before the machine went down, by image."""
        lost: dict[str, Owed] = {}
        now = boot_id()
        for identifier, data in await asyncio.to_thread(self._state.load, OWED):
            self._owed[identifier] = owed = _decode(data)
            if owed.boot != now:
                lost[identifier] = owed
        return lost


def _decode(data: bytes) -> Owed:
    try:
        return msgspec.json.decode(data, type=Owed)
    except msgspec.MsgspecError as e:
        log.error("a note of what the disk may lack cannot be read: %s", e)
        return Owed(boot_id())
