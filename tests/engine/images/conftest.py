"""A machine with images and nothing else, and archives to feed it, made by the standard library's tarfile."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pogu.engine.config import EngineConfig
from pogu.engine.events import Event, EventBus
from pogu.engine.images import Images
from pogu.engine.state import StateStore
from pogu.engine.storage import StorageDriver, open_driver

CREATED = "2024-05-06T07:08:09.123456789Z"


def tar_of(files: Mapping[str, bytes | str], format_: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar of regular files; a value `-> x` is a symlink to x, a name ending in / a directory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format_) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            data = content.encode() if isinstance(content, str) else content
            if name.endswith("/"):
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(content, str) and content.startswith("-> "):
                info.type, info.linkname = tarfile.SYMTYPE, content[3:]
            else:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return buffer.getvalue()


def gzipped(data: bytes) -> bytes:
    """Compress to the same bytes each time."""
    return gzip.compress(data, mtime=0)


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def image_config(layers: list[bytes], **fields: Any) -> bytes:
    """Return an image configuration for layers given as uncompressed tars."""
    document = {
        "architecture": "amd64",
        "os": "linux",
        "created": CREATED,
        "config": {"Cmd": ["sh"], "Env": ["A=1"], "Labels": {"made": "by test"}},
        "history": [{"created": CREATED, "created_by": f"step {n}"} for n in range(len(layers))],
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
    }
    return json.dumps({**document, **fields}).encode()


def docker_archive(layers: list[bytes], tags: list[str] | None, **fields: Any) -> dict[str, bytes | str]:
    """Return the members of an archive of one image, as `docker save` wrote it before version 25."""
    config = image_config(layers, **fields)
    names = [f"{hashlib.sha256(layer).hexdigest()}/layer.tar" for layer in layers]
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    item = {"Config": config_name, "RepoTags": tags, "Layers": names}
    members: dict[str, bytes | str] = dict(zip(names, layers, strict=True))
    return {**members, config_name: config, "manifest.json": json.dumps([item])}


def oci_layout(
    layers: list[bytes],
    name: str = "",
    compress: Callable[[bytes], bytes] = gzipped,
    suffix: str = "+gzip",
    **fields: Any,
) -> tuple[dict[str, bytes | str], dict[str, Any]]:
    """Return the blobs of one image in OCI's form, and the descriptor of its manifest."""
    config = image_config(layers, **fields)
    packed = [compress(layer) for layer in layers]
    blobs = {digest_of(blob): blob for blob in (config, *packed)}
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [descriptor(b, f"application/vnd.oci.image.layer.v1.tar{suffix}") for b in packed],
        }
    ).encode()
    blobs[digest_of(manifest)] = manifest
    entry = descriptor(manifest, "application/vnd.oci.image.manifest.v1+json")
    if name:
        entry["annotations"] = {"io.containerd.image.name": name}
    members: dict[str, bytes | str] = {f"blobs/{digest.replace(':', '/')}": blob for digest, blob in blobs.items()}
    return members, entry


def descriptor(data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}


def index_of(*entries: dict[str, Any]) -> bytes:
    document = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": list(entries)}
    return json.dumps(document).encode()


async def stream_of(data: bytes, piece: int = 10_000) -> AsyncIterator[bytes]:
    """Yield data as a client sends it."""
    for at in range(0, len(data), piece):
        await asyncio.sleep(0)
        yield data[at : at + piece]


async def collected(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in stream])


class Machine:
    """Images over real state, events and storage below one directory."""

    def __init__(self, root: Path, driver: str) -> None:
        self.config = EngineConfig(root=root, run=root / "run", storage_driver=driver)
        self.users: dict[str, list[tuple[str, str, bool]]] = {}
        self.images: Images
        self.events: list[Event] = []

    async def start(self) -> None:
        self.state = StateStore(self.config.root / "state.db")
        self.driver: StorageDriver = open_driver(self.config.storage_driver, self.config.root)
        await self.driver.start()
        bus = EventBus()
        publish = bus.publish

        def keep(*arguments: Any) -> Event:
            self.events.append(publish(*arguments))
            return self.events[-1]

        bus.publish = keep  # type: ignore[method-assign] # an ear of the test's own, before any subscriber's
        self.images = Images(self.config, self.state, bus, self.driver)
        self.images.in_use = lambda image: self.users.get(image, [])
        await self.images.start()

    async def stop(self) -> None:
        await self.driver.stop()
        self.state.close()

    async def restart(self) -> None:
        """End without any farewell, and begin again with what is on the disk."""
        await self.stop()
        await self.start()

    async def add(self, name: str = "", files: Mapping[str, bytes | str] | None = None, **options: Any) -> str:
        """Import an image with some files; its content differs for each name."""
        repo, _, tag = name.partition(":")
        data = tar_of(files if files is not None else {"etc/name": name})
        return await self.images.import_(stream_of(data), repo, tag, **options)

    async def load(self, members: Mapping[str, bytes | str], **options: Any) -> list[dict[str, Any]]:
        """Load an archive of members; return what was told."""
        told: list[dict[str, Any]] = []
        await self.images.load(stream_of(tar_of(members)), told.append, **options)
        await asyncio.sleep(0)
        return told

    def told(self) -> list[tuple[str, str]]:
        """The events since the last call: action and name."""
        seen = [(e.action, e.attributes.get("name", "")) for e in self.events]
        self.events.clear()
        return seen

    def files(self) -> list[str]:
        """What is on the disk: blobs, layers, unfinished files."""
        root = self.config.root
        blobs = [f"blob {p.name}" for p in (root / "content" / "blobs" / "sha256").iterdir()]
        loose = [f"loose {p.name}" for d in ("content/ingest", "tmp/images") for p in (root / d).glob("*")]
        return sorted([*blobs, *loose, *(f"layer {layer.chain_id}" for layer in self.driver.layers())])


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    made = Machine(tmp_path, "overlay")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def deep_tar() -> Iterator[bytes]:
    """A layer with content that compresses badly, larger than every buffer on its way."""
    block = hashlib.sha256(b"seed").digest()
    pieces = []
    for _ in range(40_000):
        block = hashlib.sha256(block).digest()
        pieces.append(block)
    yield tar_of({"data/": "", "data/noise": b"".join(pieces)})
