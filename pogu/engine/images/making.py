"""Images made here: `docker import` of a file system, and `docker commit` of a container's changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from pogu.engine.archive import ThreadReader, run_in_thread
from pogu.engine.images.changes import apply_changes
from pogu.engine.images.content import ContentStore
from pogu.engine.images.digests import sha256
from pogu.engine.images.imageconfig import History, is_empty_layer, new_image_config, parse_image_config
from pogu.engine.images.layers import Layers
from pogu.engine.images.platform import Platform, host_platform
from pogu.engine.images.record import ImageRecord, StoredImage, StoredLayer
from pogu.engine.images.reference import Reference
from pogu.engine.images.store import ImageStore, Update, with_record
from pogu.engine.model import ContainerConfig
from pogu.engine.moments import now_rfc3339
from pogu.failpoints import step


@dataclass(frozen=True)
class Committed:
    """What a commit says of the container it is made from."""

    config: ContainerConfig  # of the new image
    author: str = ""
    comment: str = ""
    container_id: str = ""
    container_config: ContainerConfig | None = None


class Maker:
    """Makes one-layer steps: a tar stream becomes a layer, a configuration describes it, a name may point to it."""

    def __init__(self, store: ImageStore, content: ContentStore, layers: Layers) -> None:
        self._store = store
        self._content = content
        self._layers = layers

    async def import_(
        self,
        stream: AsyncIterator[bytes],
        reference: Reference | None,
        message: str,
        changes: Iterable[str],
        platform: Platform,
    ) -> str:
        """Make an image of one layer from an archive of a file system, compressed or not; return its ID.

        Raises:
            InvalidArgument: the archive is damaged or a change is malformed; nothing is kept.
        """
        config = apply_changes(ContainerConfig(), changes)
        async with self._layers.adding():
            layer = await self._add(stream, None, skip_empty=False)
            created = now_rfc3339()
            raw = new_image_config(
                diff_ids=[layer.diff_id],
                history=[History(created=created, comment=message)],
                config=config,
                architecture=platform.architecture,
                variant=platform.variant,
                created=created,
                comment=message,
            )
            return await self._keep(raw, [layer], reference, parent="", built=False)

    async def commit(
        self, stream: AsyncIterator[bytes], parent: StoredImage | None, what: Committed, reference: Reference | None
    ) -> str:
        """Make an image of `parent` (or of nothing) and a layer more; return its ID.

        A layer without entries is not added, only noted in the history.
        """
        async with self._layers.adding():
            chain = parent.chain_ids[-1] if parent and parent.chain_ids else None
            layer = await self._add(stream, chain, skip_empty=True)
            layers = list(parent.record.layers) if parent else []
            if not is_empty_layer(layer.diff_id):
                layers.append(layer)
            raw = _committed(parent, layers, what, empty=is_empty_layer(layer.diff_id))
            return await self._keep(raw, layers, reference, parent=parent.record.id if parent else "", built=True)

    async def keep_built(self, raw: bytes, layers: list[StoredLayer], references: list[Reference], parent: str) -> str:
        """Make an image of layers that are kept already known, under its names; one that is there only gets these."""
        identifier = sha256(raw)
        if not references and identifier in self._store.images:
            return identifier
        await run_in_thread(lambda: self._content.put(raw), lambda: None, "image configuration")
        record = ImageRecord(identifier, layers, parent, now_rfc3339() if references else "", built_locally=True)
        image = StoredImage(record, parse_image_config(raw), raw)

        def decide() -> tuple[Update, None]:
            known = self._store.images.get(identifier)
            if known is not None:
                touched = [with_record(known, last_tagged=record.last_tagged)] if references else []
                return Update(images=touched, references=dict.fromkeys(references, identifier)), None
            if parent not in self._store.images:
                record.parent = ""
            return Update(images=[image], references=dict.fromkeys(references, identifier)), None

        await self._store.change(decide)
        return identifier

    async def _add(self, stream: AsyncIterator[bytes], parent: str | None, skip_empty: bool) -> StoredLayer:
        """Store the archive in a stream, decompressed, and unpack it."""
        layer = await self._layers.add_plain(ThreadReader(stream), parent)
        step("image.make.layer")
        if skip_empty and is_empty_layer(layer.digest):
            self._layers.owe()
        return layer

    async def _keep(
        self, raw: bytes, layers: list[StoredLayer], reference: Reference | None, *, parent: str, built: bool
    ) -> str:
        """Store the configuration and make the image known, under its name, in one step."""
        identifier = await run_in_thread(lambda: self._content.put(raw), lambda: None, "image configuration")
        step("image.make.configured")
        record = ImageRecord(identifier, layers, parent, now_rfc3339() if reference else "", built)
        image = StoredImage(record, parse_image_config(raw), raw)

        def decide() -> tuple[Update, None]:
            if parent and parent not in self._store.images:
                record.parent = ""  # it was removed by force meanwhile
            return Update(images=[image], references={reference: identifier} if reference else {}), None

        await self._store.change(decide)
        step("image.make.recorded")
        return identifier


def _committed(parent: StoredImage | None, layers: list[StoredLayer], what: Committed, empty: bool) -> bytes:
    created = now_rfc3339()
    command = (what.container_config or what.config).cmd
    step = History(
        created=created,
        created_by=command if isinstance(command, str) else " ".join(command or ()),
        author=what.author,
        comment=what.comment,
        empty_layer=empty,
    )
    details = parent.details if parent else None
    return new_image_config(
        diff_ids=[layer.diff_id for layer in layers],
        history=[*((details.history if details else None) or ()), step],
        config=what.config,
        architecture=(details.architecture if details else None) or host_platform().architecture,
        variant=(details.variant if details else None) or "",
        created=created,
        author=what.author,
        comment=what.comment,
        container=what.container_id,
        container_config=what.container_config,
    )
