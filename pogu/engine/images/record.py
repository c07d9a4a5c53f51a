"""What is kept of an image, and what the rest of the engine is shown of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from pogu.engine.images.digests import chain_ids
from pogu.engine.images.imageconfig import History, ImageConfig
from pogu.engine.images.platform import Platform, host_platform
from pogu.engine.model import ContainerConfig, Record
from pogu.engine.moments import NEVER, format_ns


class StoredLayer(msgspec.Struct, frozen=True):
    """One layer's archive as a blob: `digest` is of the blob as it is stored, `diff_id` of the archive within."""

    diff_id: str
    digest: str
    media_type: str
    size: int  # bytes of the blob


class StoredManifest(msgspec.Struct, frozen=True):
    """A manifest that a registry has for the image, kept as a blob, with the layers in the form it names them."""

    digest: str
    media_type: str
    size: int  # bytes
    layers: list[StoredLayer]


class ImageRecord(msgspec.Struct, omit_defaults=True):
    """The durable record of an image; its configuration is the blob named `id`."""

    id: str
    layers: list[StoredLayer] = []
    parent: str = ""
    last_tagged: str = ""  # RFC 3339
    built_locally: bool = False
    manifests: list[StoredManifest] = []  # the latest first

    def blobs(self) -> set[str]:
        """The digests of the blobs that this image needs."""
        found = {self.id, *(layer.digest for layer in self.layers)}
        for manifest in self.manifests:
            found |= {manifest.digest, *(layer.digest for layer in manifest.layers)}
        return found


@dataclass
class StoredImage:
    """A record with its configuration, parsed once."""

    record: ImageRecord
    details: ImageConfig
    raw: bytes
    chain_ids: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.chain_ids = chain_ids(self.details.diff_ids)

    @property
    def labels(self) -> dict[str, str]:
        return (self.details.config and self.details.config.labels) or {}

    @cached_property
    def created_ns(self) -> int | None:
        return self.details.created_ns


@dataclass(frozen=True)
class Image:
    """An image as it is at one moment: its configuration, names and sizes. All that `inspect` shows is here."""

    id: str  # "sha256:…", the digest of `raw`
    parent: str  # "" if it was not made on this machine from another
    repo_tags: list[str]  # familiar names, sorted
    repo_digests: list[str]
    size: int  # bytes of all its layers, unpacked
    last_tag_time: str  # RFC 3339; Go's zero time if it was never tagged here
    chain_ids: list[str]  # of its layers, bottom first; the last is what a container stands on
    layers: list[StoredLayer]
    details: ImageConfig
    raw: bytes  # the configuration's bytes

    @property
    def config(self) -> ContainerConfig:
        """The defaults of a container made from it."""
        return self.details.config or ContainerConfig()

    @property
    def chain_id(self) -> str | None:
        """The top layer; None for an image without layers."""
        return self.chain_ids[-1] if self.chain_ids else None

    @property
    def document(self) -> dict[str, Any]:
        """The configuration as a plain dict, unknown fields included."""
        document: dict[str, Any] = msgspec.json.decode(self.raw)
        return document

    @property
    def labels(self) -> dict[str, str]:
        return self.config.labels or {}

    @property
    def diff_ids(self) -> list[str]:
        return self.details.diff_ids

    @property
    def history(self) -> list[History]:
        return self.details.history or []

    @property
    def created(self) -> str:
        """RFC 3339 in UTC; "" if the configuration does not say."""
        moment = self.details.created_ns
        return "" if moment is None else format_ns(moment)

    @property
    def created_unix(self) -> int:
        """Seconds; for a time that is not known, Go's zero time as Docker lists it."""
        moment = self.details.created_ns
        return -62135596800 if moment is None else moment // 10**9

    @property
    def platform(self) -> Platform:
        """What it was built for; a configuration that does not say is taken for this machine's."""
        host = host_platform()
        return Platform(
            self.details.os or "linux", self.details.architecture or host.architecture, self.details.variant or ""
        )

    @property
    def comment(self) -> str:
        """The message of the commit or import."""
        return self.details.comment or (self.history[-1].comment if self.history else "") or ""

    @property
    def author(self) -> str:
        return self.details.author or ""


class ImageSummary(Record):
    """One line of an image list, under the API's names. -1 is "not counted"."""

    id: str
    parent_id: str
    repo_tags: list[str]
    repo_digests: list[str]
    created: int  # Unix seconds
    size: int
    shared_size: int = -1
    labels: dict[str, str] = {}
    containers: int = -1


class HistoryEntry(Record):
    """One line of an image's history, newest first; `id` is `<missing>` where no image of this machine is known."""

    id: str
    created: int  # Unix seconds
    created_by: str
    tags: list[str] | None
    size: int
    comment: str


def last_tag_time(record: ImageRecord) -> str:
    return record.last_tagged or NEVER


def familiar(references: Sequence[Any]) -> list[str]:
    """The names people are shown for references, sorted."""
    return sorted(r.familiar for r in references)
