"""The form an image is pushed in: the manifest it came with, or a new one, whose layers are compressed for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import msgspec
from isal import isal_zlib

from pogu.engine.archive import CHUNK
from pogu.engine.images.content import ContentStore
from pogu.engine.images.manifest import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    LAYER_TYPES,
    OCI_CONFIG,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
)
from pogu.engine.images.record import StoredImage, StoredLayer, StoredManifest

DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_LEVEL = 2
_GZIP = 31  # window bits that mean a gzip header (zlib manual); its time is 0, so that the bytes are always the same


@dataclass(frozen=True, slots=True)
class Packed:
    """A manifest with its bytes, and the descriptors of what it names."""

    stored: StoredManifest
    data: bytes
    config: Descriptor


def came_with(content: ContentStore, manifest: StoredManifest) -> Packed:
    """Return a manifest as it came, byte for byte. Blocks."""
    data = content.read(manifest.digest)
    return Packed(manifest, data, msgspec.json.decode(data, type=Manifest).config)


def pack(content: ContentStore, image: StoredImage) -> Packed:
    """Make a manifest for an image that came without one, and keep it: Docker's, or OCI's where a layer needs it.

    Blocks. Call within `Layers.adding`; the blobs belong to no image yet.
    """
    oci = any(layer.media_type == LAYER_TYPES["zstd"] for layer in image.record.layers)
    layers = [_compressed(content, layer) for layer in image.record.layers]
    if not oci:
        layers = [msgspec.structs.replace(layer, media_type=DOCKER_LAYER) for layer in layers]
    config = Descriptor(OCI_CONFIG if oci else DOCKER_CONFIG, image.record.id, len(image.raw))
    media_type = OCI_MANIFEST if oci else DOCKER_MANIFEST
    data = _manifest(media_type, config, layers)
    stored = StoredManifest(content.put(data), media_type, len(data), layers)
    return Packed(stored, data, config)


def _compressed(content: ContentStore, layer: StoredLayer) -> StoredLayer:
    if layer.media_type != LAYER_TYPES[""]:
        return layer
    compressor: Any = cast("Any", isal_zlib).compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
    with content.open(layer.digest) as tar, content.writer() as blob:
        while data := tar.read(CHUNK):
            blob.write(compressor.compress(data))
        blob.write(compressor.flush())
        return StoredLayer(layer.diff_id, blob.commit(), LAYER_TYPES["gzip"], blob.size)


def _manifest(media_type: str, config: Descriptor, layers: list[StoredLayer]) -> bytes:
    """Return a manifest as Docker writes it: three spaces of indentation, keys in its order."""
    entries = [{"mediaType": each.media_type, "size": each.size, "digest": each.digest} for each in layers]
    document = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": {"mediaType": config.media_type, "size": config.size, "digest": config.digest},
        "layers": entries,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=3)
