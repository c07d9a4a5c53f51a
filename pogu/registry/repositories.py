"""The repositories: which blobs, manifests and tags each has, and the rules of putting and deleting them.

Content is stored once for all repositories; a repository has it by a link. Writes come in an order that leaves every
state valid which a crash can leave: content before links, links before tags; tags are deleted before links.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from pogu import failpoints
from pogu.errors import NotFound
from pogu.registry import layout
from pogu.registry.events import Event, Origin, Outbox
from pogu.registry.interlock import Interlock
from pogu.registry.layout import Link, Tag, read_link, read_tag
from pogu.registry.manifests import Descriptor, Manifest
from pogu.registry.names import is_digest, is_tag
from pogu.registry.refusals import Refused
from pogu.registry.storage import Store

_LEASE_SECONDS = 300.0  # a blob that is asked for again within this time need not be touched again
_LEASES = 20_000
_SEARCHED = 1000  # repositories searched for a blob that is to be mounted from anywhere


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest as it lies in a repository."""

    digest: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be true of a tag for it to be written (RFC 9110, 13.1): its digest, or that it is not there."""

    match: str | None = None
    absent: bool = False


class Repositories:
    """See the module. What names, tags and digests are given must have been checked."""

    def __init__(self, store: Store, interlock: Interlock | None = None, outbox: Outbox | None = None) -> None:
        self.store = store
        self.interlock = interlock or Interlock()
        self.outbox = outbox or Outbox()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._leases: OrderedDict[str, float] = OrderedDict()

    def lock(self, name: str) -> asyncio.Lock:
        """Held while manifests and tags of a repository change."""
        lock = self._locks.get(name)
        if lock is None:
            self._locks[name] = lock = asyncio.Lock()
        return lock

    # --- repositories ---

    async def names(self) -> list[str]:
        """All repositories, sorted."""
        return sorted(layout.name_of_entry(entry) for entry in await self.store.keys(layout.CATALOG))

    async def exists(self, name: str) -> bool:
        """Whether the repository has, or had lately, any content."""
        return await self.store.read(layout.catalog_entry(name)) is not None

    async def require(self, name: str) -> None:
        """Raises Refused (NAME_UNKNOWN) unless the repository exists."""
        if not await self.exists(name):
            raise Refused("NAME_UNKNOWN", "repository name not known to registry", {"name": name})

    async def _entry(self, name: str) -> list[tuple[str, bytes]]:
        """The record that makes a repository known, if it is not yet."""
        return [] if await self.exists(name) else [(layout.catalog_entry(name), b"1")]

    # --- blobs ---

    async def blob_size(self, name: str, digest: str) -> int | None:
        """The size of a blob of a repository, None if it is not in it."""
        data = await self.store.read(layout.blobs(name) + digest)
        return None if data is None else int(data)

    async def require_blob(self, name: str, digest: str) -> int:
        """The size of a blob. Raises Refused (BLOB_UNKNOWN)."""
        size = await self.blob_size(name, digest)
        if size is None:
            raise unknown_blob(digest)
        return size

    async def renew(self, name: str, digest: str) -> None:
        """Somebody relies on a blob being there, and may push a manifest for it: keep it for another grace period."""
        key = layout.blobs(name) + digest
        now = time.monotonic()
        if now - self._leases.get(key, -_LEASE_SECONDS) < _LEASE_SECONDS:
            return
        self._leases[key] = now
        self._leases.move_to_end(key)
        while len(self._leases) > _LEASES:
            self._leases.popitem(last=False)
        async with self.interlock.using({digest}):
            await self.store.touch(key)

    async def link_blob(self, name: str, digest: str, size: int, event: Event | None = None) -> None:
        """Make a stored blob part of a repository. The caller holds `interlock.using` for it."""
        announced = self.outbox.records(event) if event else []
        records = [*await self._entry(name), (layout.blobs(name) + digest, str(size).encode())]
        await self.store.write([*records, *announced])
        if announced:
            self.outbox.wake()

    async def mount(self, name: str, digest: str, source: str, origin: Origin) -> bool:
        """Make a blob of one repository part of another; False if the source does not have it."""
        async with self.interlock.using({digest}):
            size = await self.blob_size(source, digest)
            if size is None or await self.store.blob(digest) is None:
                return False
            event = Event("mount", name, digest, "application/octet-stream", size, origin)
            await self.store.touch_blob(digest)
            await self.link_blob(name, digest, size, event)
        return True

    async def find_blob(self, digest: str, may: Callable[[str], bool]) -> str | None:
        """A repository that has a blob, among those that `may` allows; only so many are searched."""
        if await self.store.blob(digest) is None:
            return None
        for name in [name for name in await self.names() if may(name)][:_SEARCHED]:
            if await self.blob_size(name, digest) is not None:
                return name
        return None

    async def delete_blob(self, name: str, digest: str, origin: Origin) -> None:
        """Take a blob out of a repository; the garbage collection frees the space. Raises Refused (BLOB_UNKNOWN)."""
        size = await self.require_blob(name, digest)
        self._leases.pop(layout.blobs(name) + digest, None)
        await self._delete(
            [layout.blobs(name) + digest],
            Event("delete", name, digest, "application/octet-stream", size, origin),
        )

    # --- manifests ---

    async def resolve(self, name: str, reference: str) -> str:
        """The digest that a tag or digest means. Raises Refused (MANIFEST_UNKNOWN)."""
        if is_digest(reference):
            return reference
        data = await self.store.read(layout.tags(name) + reference) if is_tag(reference) else None
        if data is None:
            raise unknown_manifest(name, reference)
        return read_tag(data).digest

    async def manifest_link(self, name: str, digest: str) -> Link | None:
        """What is known of a manifest of a repository."""
        data = await self.store.read(layout.manifests(name) + digest)
        return None if data is None else read_link(data)

    async def manifest(self, name: str, reference: str) -> StoredManifest:
        """The manifest of a tag or digest. Raises Refused (MANIFEST_UNKNOWN)."""
        digest = await self.resolve(name, reference)
        link = await self.manifest_link(name, digest)
        if link is None:
            raise unknown_manifest(name, reference)
        try:
            return StoredManifest(digest, link.media_type, await self.store.blob_bytes(digest))
        except NotFound:
            raise unknown_manifest(name, reference) from None

    async def put_manifest(
        self,
        name: str,
        digest: str,
        data: bytes,
        manifest: Manifest,
        *,
        tags: Sequence[str],
        origin: Origin,
        condition: Condition | None = None,
        complete: bool = True,
    ) -> None:
        """Store a manifest and point tags to it; with `complete` everything that it names must be in the repository.

        Raises:
            Refused: MANIFEST_BLOB_UNKNOWN, MANIFEST_INVALID (a size is not true), or 412 for the condition.
        """
        wanted = {descriptor.digest for descriptor in (*manifest.blobs(), *manifest.manifests)} | {digest}
        async with self.lock(name), self.interlock.using(wanted):
            if condition is not None:
                await self._check_condition(name, tags, condition)
            if complete:
                await self._check_complete(name, manifest)
            await self.store.add_bytes(digest, data)
            failpoints.step("registry.manifest.stored")
            subject = manifest.subject.digest if manifest.subject else None
            link = Link(manifest.media_type, len(data), subject)
            records = [*await self._entry(name), (layout.manifests(name) + digest, msgspec.json.encode(link))]
            if subject is not None:
                entry = msgspec.json.encode(manifest.descriptor(digest, len(data)))
                records.insert(0, (layout.referrers(name, subject) + digest, entry))
            records += self._tag_records(name, digest, tags)
            for tag in tags or [""]:
                event = Event("push", name, digest, manifest.media_type, len(data), origin, tag)
                records += self.outbox.records(event)
            await self.store.write(records)
        self.outbox.wake()

    def _tag_records(self, name: str, digest: str, tags: Sequence[str]) -> list[tuple[str, bytes]]:
        pointer = msgspec.json.encode(Tag(digest, time.time()))
        return [(layout.tags(name) + tag, pointer) for tag in tags]

    async def _check_condition(self, name: str, tags: Sequence[str], condition: Condition) -> None:
        for tag in tags:
            data = await self.store.read(layout.tags(name) + tag)
            now = None if data is None else read_tag(data).digest
            if (condition.absent and now is not None) or (condition.match and condition.match not in ("*", now)):
                raise _precondition(tag)
            if condition.match and now is None:
                raise _precondition(tag)

    async def _check_complete(self, name: str, manifest: Manifest) -> None:
        missing = []
        for descriptor in manifest.blobs():
            size = await self.blob_size(name, descriptor.digest)
            if size is None:
                missing.append(descriptor.digest)
            else:
                _check_size(descriptor, size)
        for descriptor in manifest.manifests:
            link = await self.manifest_link(name, descriptor.digest)
            if link is None:
                missing.append(descriptor.digest)
            else:
                _check_size(descriptor, link.size)
        if missing:
            missing = list(dict.fromkeys(missing))
            shown = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
            raise Refused(
                "MANIFEST_BLOB_UNKNOWN",
                f"the manifest names {len(missing)} blobs or manifests that are not in {name}: {shown}",
                [{"digest": digest} for digest in missing[:100]],
            )

    async def delete_tag(self, name: str, tag: str, origin: Origin) -> None:
        """Delete a tag; its manifest stays. Raises Refused (MANIFEST_UNKNOWN)."""
        async with self.lock(name):
            digest = await self.resolve(name, tag)
            link = await self.manifest_link(name, digest) or Link("", 0)
            event = Event("delete", name, digest, link.media_type, link.size, origin, tag)
            await self._delete([layout.tags(name) + tag], event)

    async def drop_tag(self, name: str, tag: str, seen: Tag, origin: Origin) -> bool:
        """Delete a tag unless it has been pushed again since it was `seen`; return whether it was deleted."""
        async with self.lock(name):
            data = await self.store.read(layout.tags(name) + tag)
            if data is None or read_tag(data) != seen:
                return False
            link = await self.manifest_link(name, seen.digest) or Link("", 0)
            event = Event("delete", name, seen.digest, link.media_type, link.size, origin, tag)
            await self._delete([layout.tags(name) + tag], event)
        return True

    async def delete_manifest(self, name: str, digest: str, origin: Origin) -> None:
        """Delete a manifest and every tag that points to it. Raises Refused (MANIFEST_UNKNOWN)."""
        async with self.lock(name):
            link = await self.manifest_link(name, digest)
            if link is None:
                await self.require(name)
                raise unknown_manifest(name, digest)
            await self._delete_manifest(name, digest, link, await self.tags_of(name, digest), origin)

    async def delete_unused_manifest(self, name: str, digest: str, origin: Origin) -> bool:
        """Delete a manifest unless it is tagged by now, or somebody relies on it; return whether it was deleted."""
        async with self.lock(name):  # before the interlock: a push takes them in this order
            link = await self.manifest_link(name, digest)
            if link is None or await self.tags_of(name, digest):
                return False
            async with self.interlock.removing(digest) as free:
                if free:
                    await self._delete_manifest(name, digest, link, [], origin)
            return free

    async def _delete_manifest(self, name: str, digest: str, link: Link, tags: Sequence[str], origin: Origin) -> None:
        keys = [layout.tags(name) + tag for tag in tags]
        if link.subject is not None:
            keys.append(layout.referrers(name, link.subject) + digest)
        event = Event("delete", name, digest, link.media_type, link.size, origin)
        await self._delete([*keys, layout.manifests(name) + digest], event)

    async def _delete(self, keys: list[str], event: Event) -> None:
        announced = self.outbox.records(event)
        if announced:  # first, so that nothing disappears without a word
            await self.store.write(announced)
        await self.store.delete(keys)
        if announced:
            self.outbox.wake()

    # --- lists ---

    async def tags(self, name: str) -> list[str]:
        """The tags of a repository, sorted by character."""
        return await self.store.keys(layout.tags(name))

    async def tags_with_times(self, name: str) -> dict[str, Tag]:
        """The tags of a repository and what they point to, sorted by character."""
        records = await self.store.records(layout.tags(name))
        return {record.key.rpartition("/")[2]: read_tag(record.data) for record in records}

    async def tags_of(self, name: str, digest: str) -> list[str]:
        """The tags that point to a manifest."""
        return [tag for tag, to in (await self.tags_with_times(name)).items() if to.digest == digest]

    async def referrers(self, name: str, subject: str) -> list[dict[str, Any]]:
        """The descriptors of the manifests that are about another, sorted by digest."""
        records = await self.store.records(layout.referrers(name, subject))
        return [msgspec.json.decode(record.data) for record in records]


def _check_size(descriptor: Descriptor, size: int) -> None:
    if descriptor.size != size:
        raise Refused(
            "MANIFEST_INVALID",
            f"the manifest says that {descriptor.digest} has {descriptor.size} bytes; it has {size}",
            {"digest": descriptor.digest},
        )


def unknown_blob(digest: str) -> Refused:
    """The refusal for a blob that is not there."""
    return Refused("BLOB_UNKNOWN", "blob unknown to registry", {"digest": digest})


def unknown_manifest(name: str, reference: str) -> Refused:
    """The refusal for a manifest that is not there."""
    return Refused("MANIFEST_UNKNOWN", "manifest unknown", {"name": name, "reference": reference[:200]})


def _precondition(tag: str) -> Refused:
    return Refused("DENIED", f"the tag {tag} is not what the request says it must be", status=412)
