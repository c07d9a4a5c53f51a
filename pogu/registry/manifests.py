"""Manifests without I/O: image manifests, indexes and artifacts, as OCI and Docker (schema 2) write them.

Sources: image specification 1.1 (`manifest.md`, `image-index.md`, `descriptor.md`), Docker's manifest schema 2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pogu.registry.names import is_digest
from pogu.registry.refusals import Refused

MAX_BYTES = 4 * 1024 * 1024
"""The largest manifest; the specification wants at least this much to be taken."""
MAX_REFERENCES = 4096
"""Blobs or manifests one manifest may name: each is looked for, and no client can use thousands of layers."""

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

IMAGES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MEDIA_TYPES = IMAGES | INDEXES | {OCI_ARTIFACT}

_FOREIGN = (
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
)


class Descriptor(msgspec.Struct, rename="camel", omit_defaults=True):
    """What points at content: its type, digest and size in bytes."""

    media_type: str
    digest: str
    size: int
    urls: list[str] | None = None
    annotations: dict[str, str] | None = None
    artifact_type: str | None = None

    @property
    def foreign(self) -> bool:
        """Whether the content lies elsewhere, because it may not be distributed."""
        return self.media_type.startswith(_FOREIGN)


class _Document(msgspec.Struct, rename="camel"):
    """Every field that any kind of manifest has and this registry reads."""

    schema_version: int | None = None
    media_type: str | None = None
    config: Descriptor | None = None
    layers: list[Descriptor] | None = None
    blobs: list[Descriptor] | None = None
    manifests: list[Descriptor] | None = None
    subject: Descriptor | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None


@dataclass(slots=True)
class Manifest:
    """What a manifest says: the blobs and manifests it is made of, and what it is about."""

    media_type: str
    config: Descriptor | None = None
    layers: list[Descriptor] = field(default_factory=list)
    manifests: list[Descriptor] = field(default_factory=list)
    subject: Descriptor | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None

    def blobs(self) -> Iterator[Descriptor]:
        """The blobs that a registry must have: the config and all layers that are not foreign."""
        if self.config is not None:
            yield self.config
        yield from (layer for layer in self.layers if not layer.foreign)

    def descriptor(self, digest: str, size: int) -> dict[str, Any]:
        """The entry for this manifest in the list of what refers to its subject ("Listing Referrers")."""
        kind = self.artifact_type
        if not kind and self.config is not None:
            kind = self.config.media_type
        entry: dict[str, Any] = {"mediaType": self.media_type, "digest": digest, "size": size}
        if kind:
            entry["artifactType"] = kind
        if self.annotations:
            entry["annotations"] = self.annotations
        return entry


_decoder = msgspec.json.Decoder(_Document)


def parse_manifest(data: bytes, content_type: str | None) -> Manifest:
    """Read a manifest that came with this `Content-Type`, or None where its own `mediaType` must say what it is.

    Raises:
        Refused: MANIFEST_INVALID (or SIZE_INVALID), with what is wrong.
    """
    if len(data) > MAX_BYTES:
        raise Refused("SIZE_INVALID", f"the manifest is larger than {MAX_BYTES} bytes", status=413)
    try:
        document = _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _invalid(f"the manifest cannot be read: {error}") from error
    media_type = _media_type(document, content_type)
    if document.schema_version != 2 and media_type != OCI_ARTIFACT:
        raise _invalid(f"schemaVersion must be 2, not {document.schema_version}")
    _check_shape(document, media_type)
    manifest = Manifest(
        media_type,
        document.config,
        [*(document.layers or ()), *(document.blobs or ())],
        document.manifests or [],
        document.subject,
        document.artifact_type,
        document.annotations,
    )
    _check_references(manifest)
    return manifest


def _media_type(document: _Document, content_type: str | None) -> str:
    given = (content_type or "").partition(";")[0].strip().lower()
    own = document.media_type
    if given and own and given != own.lower():
        raise _invalid(f"Content-Type says {given}, the manifest's mediaType says {own}")
    media_type = given or (own or "").lower() or _guess(document)
    if media_type not in MEDIA_TYPES:
        raise _invalid(f"manifests of type {media_type or 'unknown'} are not supported")
    return media_type


def _guess(document: _Document) -> str:
    if document.manifests is not None:
        return OCI_INDEX
    return OCI_MANIFEST if document.config is not None else ""


def _check_shape(document: _Document, media_type: str) -> None:
    """A document that could be read as two kinds would be a different thing to different clients (CVE-2021-41190)."""
    if media_type in INDEXES:
        if document.manifests is None:
            raise _invalid("an index needs a list of manifests")
        if document.config is not None or document.layers is not None or document.blobs is not None:
            raise _invalid("an index has no config, layers or blobs")
        return
    if document.manifests is not None:
        raise _invalid("only an index has manifests")
    if media_type in IMAGES and (document.config is None or document.layers is None):
        raise _invalid("an image manifest needs a config and layers")
    if media_type in IMAGES and document.blobs is not None:
        raise _invalid("an image manifest has no blobs")


def _check_references(manifest: Manifest) -> None:
    references = [*manifest.layers, *manifest.manifests]
    if len(references) > MAX_REFERENCES:
        raise _invalid(f"the manifest names {len(references)} layers or manifests; at most {MAX_REFERENCES} are taken")
    for each in (*references, manifest.config, manifest.subject):
        if each is None:
            continue
        if not is_digest(each.digest):
            raise _invalid(f"invalid digest {each.digest[:200]!r}")
        if not 0 <= each.size < 1 << 63:
            raise _invalid(f"{each.digest} cannot have {each.size} bytes")
        if each.foreign:
            _check_urls(each)


def _check_urls(layer: Descriptor) -> None:
    if not layer.urls:
        raise _invalid(f"{layer.digest} is a foreign layer: it needs urls")
    for url in layer.urls:
        try:
            parts = urlsplit(url)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        except ValueError:
            fine = False
        if not fine:
            raise _invalid(f"invalid URL of the foreign layer {layer.digest}: {url[:200]!r}")


def _invalid(message: str) -> Refused:
    return Refused("MANIFEST_INVALID", message)
