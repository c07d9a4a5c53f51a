"""What is here of an image for each platform: its manifest, how large its blobs are, and who uses it.

An image of this machine is for one platform, so there is one variant. Its manifest is the one of the registry it came
from; an image that was made or loaded here has the one under which `save` writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from pogu.engine.images.digests import sha256
from pogu.engine.images.manifest import OCI_CONFIG, OCI_MANIFEST, Descriptor, Manifest
from pogu.engine.images.platform import Platform
from pogu.engine.images.record import StoredImage


class Variant(NamedTuple):
    """An image for one platform. Sizes are bytes: of the manifest, configuration and layers as blobs, and unpacked."""

    manifest: Descriptor
    platform: Platform
    containers: Sequence[str]  # IDs
    content: int
    unpacked: int


def own_manifest(image: StoredImage) -> tuple[Descriptor, bytes]:
    """Return a manifest that names the blobs of an image as they are stored; the same image always has the same."""
    layers = [Descriptor(layer.media_type, layer.digest, layer.size) for layer in image.record.layers]
    config = Descriptor(OCI_CONFIG, image.record.id, len(image.raw))
    encoded = msgspec.json.encode(Manifest(2, config, layers, OCI_MANIFEST), order="sorted")
    return Descriptor(OCI_MANIFEST, sha256(encoded), len(encoded)), encoded


def variant(image: StoredImage, platform: Platform, containers: Sequence[str], unpacked: int) -> Variant:
    """Return what is here of an image."""
    if image.record.manifests:
        stored = image.record.manifests[0]
        manifest, layers = Descriptor(stored.media_type, stored.digest, stored.size), stored.layers
    else:
        manifest, layers = own_manifest(image)[0], image.record.layers
    content = manifest.size + len(image.raw) + sum(layer.size for layer in layers)
    return Variant(manifest, platform, containers, content, unpacked)
