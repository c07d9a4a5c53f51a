"""One open registry for all tests of a worker that need nothing special; each uses repositories of its own."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.registry.manifests import OCI_MANIFEST
from tests.registry.client import CONFIG, LAYER, Client, described, digest, fresh
from tests.registry.serving import serving


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    with serving() as running:
        yield running


@pytest.fixture
def name() -> str:
    """A repository of the test's own."""
    return fresh()


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """An OCI layout with the image `one` of two layers."""
    root = tmp_path / "layout"
    (root / "blobs" / "sha256").mkdir(parents=True)
    layers, diffs = [], []
    for number in range(2):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            entry = tarfile.TarInfo(f"file-{number}")
            entry.size = 100_000
            tar.addfile(entry, io.BytesIO(os.urandom(100_000)))
        diffs.append(digest(buffer.getvalue()))
        layers.append(gzip.compress(buffer.getvalue(), mtime=0))
    rootfs = {"type": "layers", "diff_ids": diffs}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": described(config, CONFIG),
            "layers": [described(layer, LAYER) for layer in layers],
        }
    ).encode()
    for data in (config, manifest, *layers):
        (root / "blobs" / "sha256" / digest(data)[7:]).write_bytes(data)
    named = described(manifest, OCI_MANIFEST, annotations={"org.opencontainers.image.ref.name": "one"})
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [named]}))
    (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return root
