"""Images from one registry to another, byte for byte and without a daemon, as skopeo does. Blocks."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from pogu.engine.images.content import ContentStore
from pogu.engine.images.digests import short_id
from pogu.engine.images.downloads import Download
from pogu.engine.images.manifest import INDEXES, Descriptor, parse_document
from pogu.engine.registries.repository import Fetched, Repository
from pogu.engine.registries.uploads import Blob, Upload, mount
from pogu.errors import InvalidArgument

_DEEPEST = 4  # indexes within indexes
_AT_ONCE = 3  # blobs
_ATTEMPTS = 5

Tell = Callable[[str], None]  # a line for whoever waits; called in threads


class _Named(msgspec.Struct, rename="camel"):
    """What a manifest or index of any kind names."""

    config: Descriptor | None = None
    layers: list[Descriptor] | None = None
    blobs: list[Descriptor] | None = None  # artifacts, before 1.1 was final
    manifests: list[Descriptor] | None = None


@dataclass(frozen=True, slots=True)
class Copier:
    """Copies between two repositories; `tell` gets a line for each thing that was done."""

    source: Repository
    target: Repository
    tell: Tell

    def copy(self, first: Fetched, reference: str) -> str:
        """Copy an image, or an index with all in it, and store it as `reference` (a tag or digest); return its digest.

        What the target has already is not sent again. The name is set last, when everything it needs is there.

        Raises:
            Unreachable, RegistryError, Unauthenticated: a registry cannot be reached or refuses.
            InvalidArgument: what the source sends is not what it says.
        """
        with TemporaryDirectory(prefix="pogu-copy-", dir="/var/tmp") as folder:  # a private directory in it
            content = ContentStore(Path(folder))
            content.start()
            self._needs(first, content, _DEEPEST)
            self.target.put_manifest(reference, first.media_type, first.data)
        self.tell(f"{reference}: digest: {first.digest} size: {len(first.data)}")
        return first.digest

    def _needs(self, fetched: Fetched, content: ContentStore, depth: int) -> None:
        if not depth:
            raise InvalidArgument("invalid manifest: indexes are nested too deeply")
        named = parse_document(fetched.data, _Named, fetched.digest)
        if fetched.media_type in INDEXES:
            for entry in named.manifests or ():
                inner = self.source.manifest(entry.digest)
                self._needs(inner, content, depth - 1)
                self.target.put_manifest(entry.digest, inner.media_type, inner.data)
                self.tell(f"{short_id(entry.digest)}: Copied manifest")
            return
        blobs = [*(named.layers or ()), *(named.blobs or ()), *([named.config] if named.config else ())]
        unique = {blob.digest: blob for blob in blobs if not blob.urls}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda blob: self._blob(blob, content), unique.values()))

    def _blob(self, blob: Descriptor, content: ContentStore) -> None:
        name = short_id(blob.digest)
        if self.target.has_blob(blob.digest):
            self.tell(f"{name}: Already exists")
            return
        session = None
        if self.source.endpoint == self.target.endpoint:
            session = mount(self.target, blob.digest, self.source.path)
            if session is None:
                self.tell(f"{name}: Mounted from {self.source.path}")
                return
        download = Download(content, self.source, blob, _ATTEMPTS)
        try:
            download.run()
            with content.open(blob.digest) as opened:
                whole = Blob(blob.digest, blob.size, lambda at, size: os.pread(opened.fileno(), size, at))
                Upload(self.target, whole, _unseen).run(session)
        finally:
            download.close()
            content.remove(blob.digest)
        self.tell(f"{name}: Copied")


def _unseen(_size: int) -> None:
    """A copy says what is done, not how far it is."""
