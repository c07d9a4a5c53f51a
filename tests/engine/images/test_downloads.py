"""Blobs of which something had come when the process was killed: the rest is fetched, and all of it is verified."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pogu.engine.images.content import ContentStore
from pogu.engine.images.downloads import Downloads
from pogu.engine.images.manifest import Descriptor
from pogu.engine.images.reference import parse_reference
from pogu.engine.registries import Credentials
from pogu.errors import PoguError
from tests.cutting_proxy import cutting_proxy
from tests.engine.images.conftest import Machine, tar_of
from tests.registry_peers import DebianRegistry, put_image

HALF = 1_500_000


def _damaged(data: bytes) -> bytes:
    """A file as a loss of power may leave it: of its length, and without some of its content."""
    return data[: HALF // 2] + bytes(HALF - HALF // 2)


@pytest.mark.parametrize(
    ("left", "fetched"),
    [
        (lambda data: data[:HALF], lambda size: size - HALF),
        (lambda data: data, lambda size: 0),
        (_damaged, lambda size: size - HALF + size),
        (lambda data: bytes(len(data)), lambda size: size),
        (lambda data: data + b"x", lambda size: size),
        (lambda data: b"", lambda size: size),
    ],
    ids=["half", "whole", "half damaged", "whole damaged", "too long", "nothing"],
)
async def test_the_rest_is_fetched(
    machine: Machine,
    registry: DebianRegistry,
    repository: str,
    left: Callable[[bytes], bytes],
    fetched: Callable[[int], int],
) -> None:
    put_image(registry, repository, "1", [tar_of({"noise": os.urandom(3_000_000)})])
    layer = json.loads(registry.manifest(repository, "1"))["layers"][0]
    data = registry.blob_file(layer["digest"]).read_bytes()
    partial = Path(machine.config.root, "content", "partial", layer["digest"].removeprefix("sha256:"))
    partial.write_bytes(left(data))
    with cutting_proxy(registry.port) as proxy:
        name = f"{proxy.host}/{repository}:1"
        (identifier,) = await machine.images.pull(name)
        wanted = fetched(layer["size"])
        assert wanted <= proxy.passed < wanted + 20_000  # the manifest, the configuration, and heads of answers
    assert machine.images.resolve(name).id == identifier
    kept = Path(machine.config.root, "content", "blobs", "sha256", partial.name)
    assert kept.read_bytes() == data
    assert not partial.exists()


async def test_a_blob_that_is_wrong_in_the_registry_stays_refused(
    machine: Machine, registry: DebianRegistry, repository: str
) -> None:
    put_image(registry, repository, "1", [tar_of({"noise": os.urandom(3_000_000)})])
    layer = json.loads(registry.manifest(repository, "1"))["layers"][0]
    file = registry.blob_file(layer["digest"])
    data = file.read_bytes()
    file.write_bytes(bytes(len(data)))
    partial = Path(machine.config.root, "content", "partial", layer["digest"].removeprefix("sha256:"))
    partial.write_bytes(data[:HALF])
    with pytest.raises(PoguError, match="verification failed"):
        await machine.images.pull(f"{registry.host}/{repository}:1")
    assert machine.files() == []
    assert not partial.exists()


async def test_who_leaves_at_once_leaves_nothing(machine: Machine, registry: DebianRegistry, tmp_path: Path) -> None:
    repository, *_ = machine.images.registries.open(parse_reference(f"{registry.host}/x"), Credentials())
    content = ContentStore(tmp_path / "content")
    content.start()
    downloads = Downloads(content, lambda: 3, lambda: 1)

    blob = Descriptor("text/plain", f"sha256:{'0' * 64}", 1)

    async def take_part() -> None:
        async with downloads.join(repository, blob, lambda _what, _size: None):
            raise AssertionError("it was told to leave")

    leaving = asyncio.ensure_future(take_part())
    await asyncio.sleep(0)  # it has asked a thread to make the file
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    await asyncio.sleep(0.1)  # the thread makes it
    async with asyncio.timeout(20):
        while content.unfinished():
            await asyncio.sleep(0.01)
