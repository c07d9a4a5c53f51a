"""Manifests: which blobs make an image, in OCI's and Docker's registry form and in `docker save`'s `manifest.json`."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from pogu.engine.images.imageconfig import LARGEST
from pogu.errors import InvalidArgument

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"

INDEXES = frozenset({OCI_INDEX, DOCKER_INDEX})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})

# Compression of a layer blob -> its media type
LAYER_TYPES = {
    "": "application/vnd.oci.image.layer.v1.tar",
    "gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
    "zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
}

IMAGE_NAME = "io.containerd.image.name"  # annotation: the whole reference
REF_NAME = "org.opencontainers.image.ref.name"  # annotation: a tag, or a reference, as each tool likes


class PlatformSpec(msgspec.Struct, omit_defaults=True):
    """The platform of an index entry, in Go's names."""

    architecture: str | None = ""
    os: str | None = ""
    variant: str | None = ""


class Descriptor(msgspec.Struct, rename="camel", omit_defaults=True):
    """A reference to a blob (image-spec, descriptor.md). `size` is bytes."""

    media_type: str
    digest: str
    size: int
    platform: PlatformSpec | None = None
    annotations: dict[str, str] | None = None
    urls: list[str] | None = None


class Manifest(msgspec.Struct, rename="camel", omit_defaults=True):
    """One image for one platform (image-spec, manifest.md)."""

    schema_version: int
    config: Descriptor
    layers: list[Descriptor]
    media_type: str = ""
    annotations: dict[str, str] | None = None


class Index(msgspec.Struct, rename="camel", omit_defaults=True):
    """Several manifests (image-spec, image-index.md); `index.json` of a layout is one."""

    schema_version: int
    manifests: list[Descriptor] | None
    media_type: str = ""
    annotations: dict[str, str] | None = None


class ArchiveItem(msgspec.Struct, rename="pascal", omit_defaults=True):
    """One image in `manifest.json` of a `docker save` archive; paths are within the archive."""

    config: str
    layers: list[str] | None
    repo_tags: list[str] | None = None
    layer_sources: dict[str, Descriptor] | None = None
    parent: str | None = ""


Document = TypeVar("Document")


def parse_document(data: bytes, kind: type[Document], name: str) -> Document:
    """Return a JSON document as `kind`; `name` is what an error calls it.

    Raises:
        InvalidArgument: it is too large, not JSON, or not of that form.
    """
    if len(data) > LARGEST:
        raise InvalidArgument(f"invalid archive: {name} is larger than {LARGEST} bytes")
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise InvalidArgument(f"invalid archive: failed to decode {name}: {e}") from None
