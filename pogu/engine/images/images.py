"""The engine's images: one object that every other room talks to."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pogu.engine.config import EngineConfig
from pogu.engine.events import EventBus
from pogu.engine.images.changes import apply_changes
from pogu.engine.images.content import ContentStore
from pogu.engine.images.downloads import Downloads
from pogu.engine.images.filters import Filters
from pogu.engine.images.inspection import Inspection
from pogu.engine.images.layers import Layers
from pogu.engine.images.listing import Lister
from pogu.engine.images.loading import Loaded, Loader
from pogu.engine.images.making import Committed, Maker
from pogu.engine.images.merging import merge_config
from pogu.engine.images.platform import host_platform, parse_platform
from pogu.engine.images.progress import Progress, silent
from pogu.engine.images.pruning import Candidates
from pogu.engine.images.pulling import Puller
from pogu.engine.images.pushing import Pushed, Pusher
from pogu.engine.images.record import HistoryEntry, Image, ImageSummary, StoredImage, StoredLayer, last_tag_time
from pogu.engine.images.reference import Reference, parse_reference, parse_repo_tag
from pogu.engine.images.remote import Listed
from pogu.engine.images.removing import InUse, Removal, Remover, User
from pogu.engine.images.saving import Selection, save
from pogu.engine.images.settling import Settling
from pogu.engine.images.store import ImageStore, Update, used_layers, with_record
from pogu.engine.images.variants import Variant, variant
from pogu.engine.model import ContainerConfig
from pogu.engine.moments import now_rfc3339
from pogu.engine.registries.credentials import Credentials
from pogu.engine.registries.endpoints import Places
from pogu.engine.registries.registries import Registries
from pogu.engine.state import StateStore
from pogu.engine.storage import StorageDriver
from pogu.errors import Conflict, InvalidArgument, NotFound, PoguError
from pogu.failpoints import step

log = logging.getLogger(__name__)


class PruneReport(NamedTuple):
    """What a prune removed (`{"Untagged": name}` or `{"Deleted": id}`) and the bytes that came back."""

    deleted: list[dict[str, str]]
    space_reclaimed: int


@dataclass(frozen=True)
class DiskUsage:
    """`layers_size` is the bytes of all unpacked layers; the summaries have shared sizes and container counts."""

    layers_size: int
    images: list[ImageSummary]


class Images:
    """Finds, adds, names and removes images. `driver` must have been started.

    `layers` is for whoever makes images step by step.
    `spool` is where uploads and other passing files are; a start empties it.
    `in_use` is set by whoever knows the containers: image ID -> (container ID, name, running) of each that uses it.
    """

    def __init__(self, config: EngineConfig, state: StateStore, events: EventBus, driver: StorageDriver) -> None:
        self.in_use: InUse = lambda _image: []
        self._events = events
        self.spool = config.root / "tmp" / "images"
        self._content = ContentStore(config.root / "content")
        self._settling = Settling(state, self._content, driver)
        self._store = ImageStore(state, self._content, self._settling)
        self.layers = Layers(driver, self._content, self._store)
        self._loader = Loader(self._store, self._content, self.layers, self.spool)
        self._maker = Maker(self._store, self._content, self.layers)
        self._lister = Lister(self._store, self.layers, self._users)
        self.inspection = Inspection(self._store, self._content, self.layers)
        self.keeps_strays = False  # records may have been lost: what has none must not be deleted at the start
        self._pruning = False
        self.registries = Registries(
            lambda: Places(config.registry_mirrors, config.insecure_registries, config.registry_certs)
        )
        downloads = Downloads(
            self._content, lambda: config.max_concurrent_downloads, lambda: config.max_download_attempts
        )
        self._puller = Puller(self._store, self._content, self.layers, self.registries, downloads)
        self._pusher = Pusher(
            self._store, self._content, self.layers, self.registries, lambda: config.max_concurrent_uploads
        )

    async def start(self) -> None:
        """Read the records, and remove what a crash left behind. Layers that the driver lacks are unpacked again."""
        await asyncio.to_thread(self._content.start)
        await asyncio.to_thread(shutil.rmtree, self.spool, True)
        for complaint in await asyncio.to_thread(self._store.load):
            log.warning("%s", complaint)
        for identifier, owed in (await self._settling.due()).items():
            for text in await self.layers.mend(owed, self._store.images.get(identifier)):
                log.warning("image %s: %s", identifier, text)
        for image in list(self._store.images.values()):
            try:
                await self.layers.restore(image)
            except PoguError as e:
                log.warning("image %s: %s", image.record.id, e.message)
        if not self.keeps_strays:
            await self.layers.collect()
        pulled = self.layers.needed_blobs().intersection(await asyncio.to_thread(self._content.partial))
        await asyncio.to_thread(self._content.forget_partial, pulled)
        self._settling.pay()

    def expect_stop(self) -> None:
        """Keep what has come of pulls that are broken off from now on, for the next start."""
        self._content.keeps_downloads = True

    async def stop(self) -> None:
        """Wait until the disk has all images."""
        await self._settling.finish()

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._store.images

    def __len__(self) -> int:
        return len(self._store.images)

    def resolve(self, ref: str, platform: str = "") -> Image:
        """Return the image that `name[:tag]`, `name@digest`, an ID or its beginning means.

        Raises:
            InvalidArgument: it cannot be a reference.
            NotFound: there is none, or it is for another platform than the one wanted.
        """
        image = self._view(self._store.resolve(ref))
        if platform and not parse_platform(platform).runs(image.platform):
            raise NotFound(
                f"image with reference {ref} was found but its platform ({image.platform}) does not match "
                f"the specified platform ({parse_platform(platform)})"
            )
        return image

    def has(self, ref: str) -> bool:
        """Tell whether there is an image that `resolve` would find."""
        try:
            self._store.resolve(ref)
        except PoguError:
            return False
        return True

    def get(self, image_id: str) -> Image:
        """Return an image by its whole ID `sha256:…`; NotFound if there is none."""
        return self._view(self._store.get(image_id))

    def list(
        self, filters: Filters | None = None, all: bool = False, shared_size: bool = False, containers: bool = False
    ) -> Sequence[ImageSummary]:
        """Return the images that pass `filters`, newest first.

        Filters: dangling, label, before, since, until, reference. `all` adds images that only others were made from.
        `shared_size` and `containers` fill those fields, which are -1 otherwise.

        Raises:
            InvalidArgument: an unknown filter or value.
            NotFound: `before` or `since` names no image.
        """
        return self._lister.summaries(filters or {}, all, shared_size, containers)

    def variants(self, image_id: str) -> Sequence[Variant]:
        """Return what is here of an image for each platform, by its whole ID. Raises NotFound."""
        image = self._store.get(image_id)
        containers = [user[0] for user in self.in_use(image_id)]
        unpacked = sum(self.layers.size(chain) for chain in set(image.chain_ids))
        return [variant(image, self._view(image).platform, containers, unpacked)]

    def history(self, ref: str) -> Sequence[HistoryEntry]:
        """Return how an image came to be, newest step first. Raises as `resolve`."""
        return self._lister.history(self._store.resolve(ref))

    def df(self) -> DiskUsage:
        """Return what images take on the disk, intermediate ones included in the total alone."""
        images = self._lister.summaries({}, all_=False, shared_size=True, containers=True)
        return DiskUsage(self.layers.total(), images)

    async def tag(self, ref: str, repo: str, tag: str = "") -> None:
        """Give an image the name `repo:tag` (`latest` if there is no tag), taking it from another that has it.

        Raises:
            InvalidArgument: no such name can be.
            NotFound: no such image.
        """
        reference = parse_repo_tag(repo, tag)

        def decide() -> tuple[Update, StoredImage]:
            image = self._store.resolve(ref)
            touched = with_record(image, last_tagged=now_rfc3339())
            return Update(images=[touched], references={reference: image.record.id}), image

        image = await self._store.change(decide)
        step("image.tag.recorded")
        self._tell_tag(image, reference)

    async def remove(self, ref: str, force: bool = False, noprune: bool = False) -> Sequence[dict[str, str]]:
        """Remove a name, or an image with its unneeded nameless parents; return what went, as the API tells it.

        Once begun it is finished, whether the caller waits or not.

        Raises:
            InvalidArgument, NotFound: no such image.
            Conflict: something needs it; the text says what and whether `force` would help.
        """
        items, _ = await asyncio.shield(asyncio.ensure_future(self._remove(ref, force, not noprune)))
        return items

    async def _remove(self, ref: str, force: bool, prune: bool) -> tuple[Sequence[dict[str, str]], int]:
        gone: dict[str, StoredImage] = {}

        def decide() -> tuple[Update, Removal]:
            removal = Remover(self._store, self.in_use).remove(ref, force, prune)
            gone.update({i: self._store.get(i) for i, _ in removal.steps})
            return removal.update(), removal

        removal = await self._store.change(decide)
        step("image.remove.recorded")
        blobs = {digest for i, name in removal.steps if name is None for digest in gone[i].record.blobs()}
        layers = {layer.chain_id: layer.size for layer in await self.layers.discard(blobs)} if blobs else {}
        items: list[dict[str, str]] = []
        reclaimed = 0
        deleted: set[str] = set()
        for identifier, name in removal.steps:
            if name is not None:
                items.append({"Untagged": name.familiar})
                self._tell("untag", identifier, identifier, gone[identifier].labels)
                continue
            self._tell("delete", identifier, identifier, {})
            items.append({"Deleted": identifier})
            deleted.add(identifier)
            kept = used_layers(image for i, image in gone.items() if i not in deleted)
            for chain in reversed(gone[identifier].chain_ids):
                if chain in layers and chain not in kept:
                    reclaimed += layers.pop(chain)
                    items.append({"Deleted": chain})
        return items, reclaimed

    async def prune(self, filters: Filters | None = None) -> PruneReport:
        """Remove images nobody uses: nameless ones, or with the filter `dangling=false` all without a container.

        What had come of pulls that broke off when a daemon was killed goes too.

        Raises:
            InvalidArgument: an unknown filter or value.
            Conflict: a prune is running already.
        """
        if self._pruning:
            raise Conflict("a prune operation is already running")
        self._pruning = True
        try:
            return await self._prune(Candidates(self._store, self.in_use, filters or {}))
        finally:
            self._pruning = False

    async def _prune(self, candidates: Candidates) -> PruneReport:
        deleted: list[dict[str, str]] = []
        reclaimed = await asyncio.to_thread(lambda: self._content.forget_partial(self._content.partial()))
        for ref in candidates.references():
            try:
                items, freed = await asyncio.shield(asyncio.ensure_future(self._remove(ref, False, True)))
            except (Conflict, NotFound):  # used or removed meanwhile
                continue
            deleted += items
            reclaimed += freed
        self._events.publish("image", "prune", "", {"reclaimed": str(reclaimed)})
        return PruneReport(deleted, reclaimed)

    async def pull(
        self,
        name: str,
        platform: str = "",
        credentials: Credentials | None = None,
        all_tags: bool = False,
        progress: Progress = silent,
    ) -> Sequence[str]:
        """Add the image that `name` (`latest` where it has no tag) stands for in its registry; return its ID.

        With `all_tags`, every image of the repository. `progress` gets the objects of the API's stream.

        Raises:
            InvalidArgument: the name is none, or what the registry has cannot be used; nothing of it is kept.
            NotFound: the registry does not have it for the platform, or not for who asks.
            Unauthenticated: the registry wants to know who asks.
            Unavailable: the registry cannot be reached.
        """
        reference = parse_reference(name)
        who = credentials or Credentials()
        wanted = parse_platform(platform) if platform else None
        if all_tags:
            chosen = [reference.with_tag(tag) for tag in await self._puller.tags(reference, who)]
        else:
            chosen = [reference.tagged()]
        pulled = []
        for each in chosen:
            identifier = await self._puller.pull(each, who, wanted, progress)
            labels = self._store.get(identifier).labels
            self._events.publish("image", "pull", each.familiar, {**labels, "name": each.familiar_name})
            pulled.append(identifier)
        return pulled

    async def push(
        self, name: str, credentials: Credentials | None = None, progress: Progress = silent
    ) -> Sequence[Pushed]:
        """Send the image `name` to the registry that its name says; without a tag, all images of the repository.

        Raises:
            InvalidArgument: the name is none.
            NotFound: there is no such image here.
            Unauthenticated, Forbidden: whoever asks may not.
            Unavailable: the registry cannot be reached.
        """
        reference = parse_reference(name)
        if reference.digest:
            raise InvalidArgument("cannot push a digest reference")
        progress({"status": f"The push refers to repository [{reference.name}]"})
        chosen = [reference] if reference.tag else self._pusher.tags(reference)
        pushed = []
        for each in chosen:
            pushed.append(await self._pusher.push(each, credentials or Credentials(), progress))
            self._events.publish("image", "push", each.familiar, {"name": each.familiar_name})
        return pushed

    async def look_up(self, name: str, credentials: Credentials | None = None) -> Listed:
        """Return what the registry has under a name (`latest` where it has no tag). Raises as `pull`."""
        reference = parse_reference(name).tagged()
        return await self._puller.look_up(reference, credentials or Credentials())

    def save(self, refs: Iterable[str]) -> AsyncIterator[bytes]:
        """Return a tar of the images, to be loaded by `load`, by Docker, or read as an OCI layout.

        Raises (at once):
            InvalidArgument, NotFound: an image that is not there; nothing is sent then.
        """
        selection = Selection(self._store)
        for ref in refs:
            selection.add(ref)
        for identifier in selection.images:
            self._tell("save", identifier, identifier, self._store.get(identifier).labels)
        return save(self._store, self._content, selection)

    def save_as(self, image_id: str, names: Iterable[str]) -> AsyncIterator[bytes]:
        """Return the same of one image, by its whole ID, under names that it need not have here.

        Raises (at once):
            InvalidArgument: a name cannot be.
            NotFound: no such image.
        """
        self._store.get(image_id)
        references = [parse_reference(name).tagged() for name in names]
        return save(self._store, self._content, Selection(self._store, {image_id: references}))

    async def load(
        self, stream: AsyncIterator[bytes], progress: Progress = silent, quiet: bool = False, platform: str = ""
    ) -> Sequence[Loaded]:
        """Add the images of an archive (`docker save` of any age, or an OCI layout; compressed or not).

        `progress` gets the objects of the API's stream; layers are told of unless `quiet`.

        Raises:
            InvalidArgument: the archive is not usable; nothing of it is kept.
        """
        wanted = parse_platform(platform) if platform else None
        loaded = await self._loader.load(stream, progress, quiet, wanted)
        for image in loaded:
            self._tell("load", image.id, image.id, self._store.get(image.id).labels)
        return loaded

    async def import_(
        self,
        stream: AsyncIterator[bytes],
        repo: str = "",
        tag: str = "",
        *,
        message: str = "Imported from -",
        changes: Iterable[str] = (),
        platform: str = "",
        progress: Progress = silent,
    ) -> str:
        """Make an image of an archive of a file system, compressed or not; return its ID, also told to `progress`.

        `changes` are Dockerfile instructions. Without `repo` it gets no name.

        Raises:
            InvalidArgument: a name, change or the archive is malformed; nothing is kept.
        """
        reference = parse_repo_tag(repo, tag) if repo else None
        wanted = parse_platform(platform) if platform else host_platform()
        identifier = await self._maker.import_(stream, reference, message, changes, wanted)
        labels = self._store.get(identifier).labels
        if reference is not None:
            self._tell("tag", identifier, reference.familiar, labels)
        self._tell("import", identifier, identifier, labels)
        progress({"status": identifier})
        return identifier

    async def commit(
        self,
        container_diff: AsyncIterator[bytes],
        parent: str | None,
        config: ContainerConfig | None,
        repo: str = "",
        tag: str = "",
        *,
        author: str = "",
        comment: str = "",
        changes: Iterable[str] = (),
        container_id: str = "",
        container_config: ContainerConfig | None = None,
    ) -> str:
        """Make an image of a container's changes (a layer archive) on top of its image `parent`; return its ID.

        The configuration is `config`, or the container's own where that is None, with `changes` applied, completed
        from `container_config`.

        Raises:
            InvalidArgument: a name, a change or the archive is malformed.
            NotFound: the parent is gone.
        """
        reference = parse_repo_tag(repo, tag) if repo else None
        own = container_config or ContainerConfig()
        settings = merge_config(apply_changes(config or own, changes), own)
        base = self._store.get(parent) if parent else None
        what = Committed(settings, author, comment, container_id, container_config)
        identifier = await self._maker.commit(container_diff, base, what, reference)
        labels = self._store.get(identifier).labels
        self._tell("create", identifier, identifier, labels)
        if reference is not None:
            self._tell("tag", identifier, reference.familiar, labels)
        return identifier

    async def add_built(
        self, raw: bytes, layers: Sequence[StoredLayer], parent: str = "", tags: Iterable[str] = ()
    ) -> str:
        """Make an image of a configuration and layers that are here already; return its ID. One there is kept.

        `parent` is the ID of the image that it was made from on this machine, if that one is to be kept with it.

        Raises:
            InvalidArgument: a tag cannot be.
        """
        references = [parse_reference(tag).tagged() for tag in tags]
        identifier = await self._maker.keep_built(raw, list(layers), references, parent)
        for reference in references:
            self._tell("tag", identifier, reference.familiar, self._store.get(identifier).labels)
        return identifier

    def blob(self, digest: str) -> Path:
        """Return the file of a blob that is here."""
        return self._content.path(digest)

    async def settle(self) -> None:
        """Wait until the disk has all layers and blobs that are here; OSError if it cannot be written."""
        await asyncio.gather(self.layers.driver.settle(), asyncio.to_thread(self._content.settle))

    async def collect(self) -> None:
        """Remove layers and blobs that no image and no container has any more."""
        await self.layers.collect()

    def _users(self, image_id: str) -> Sequence[User]:
        return self.in_use(image_id)  # which may be set after the lister was made

    def _view(self, stored: StoredImage) -> Image:
        names = self._store.references(stored.record.id)
        return Image(
            id=stored.record.id,
            parent=stored.record.parent,
            repo_tags=[name.familiar for name in names if not name.digest],
            repo_digests=[name.familiar for name in names if name.digest],
            size=sum(self.layers.size(chain) for chain in stored.chain_ids),
            last_tag_time=last_tag_time(stored.record),
            chain_ids=stored.chain_ids,
            layers=stored.record.layers,
            details=stored.details,
            raw=stored.raw,
        )

    def _tell_tag(self, image: StoredImage, reference: Reference) -> None:
        self._tell("tag", image.record.id, reference.familiar, image.labels)

    def _tell(self, action: str, identifier: str, name: str, labels: dict[str, str]) -> None:
        self._events.publish("image", action, identifier, {**labels, "name": name})
