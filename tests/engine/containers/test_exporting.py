"""Export, changes, commit and size."""

from __future__ import annotations

import io
import tarfile

import pytest

from pogu.engine.model import ContainerConfig, HostConfig
from pogu.engine.storage import ChangeKind
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_changes(bench: Bench) -> None:
    id_ = await bench.create("sh", "-c", "echo x > /new; rm /etc/passwd", host=HostConfig(binds=["/vol"]))
    await bench.finish(id_)
    found = {c.path: c.kind for c in await bench.containers.changes(id_)}
    assert found["/new"] == ChangeKind.ADDED
    assert found["/etc/passwd"] == ChangeKind.DELETED
    assert found["/etc"] == ChangeKind.MODIFIED


@pytest.mark.parametrize("running", [True, False])
async def test_export_is_the_whole_root(bench: Bench, running: bool) -> None:
    id_ = await (bench.start if running else bench.create)(*LONG)
    data = b"".join([c async for c in await bench.containers.export(id_)])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
    assert "bin/busybox" in names
    assert "export" in bench.actions(id_)


async def test_an_export_that_is_given_up_lets_go(bench: Bench) -> None:
    id_ = await bench.create("true")
    chunks = await bench.containers.export(id_)
    await anext(chunks)
    await chunks.aclose()  # type: ignore[attr-defined]
    assert not (bench.config.run / "rootfs" / id_).exists()


async def test_commit(bench: Bench) -> None:
    id_ = await bench.start(*LONG, env=["A=1"])
    await bench.text(id_, "sh", "-c", "echo kept > /kept")
    image_id = await bench.containers.commit(
        id_, repo="made", tag="v1", author="me", comment="why", changes=["CMD cat /kept"]
    )
    assert bench.containers.get(id_).state.status == "running"
    image = bench.engine.images.resolve("made:v1")
    assert (image.id, image.comment, image.author) == (image_id, "why", "me")
    made = await bench.containers.create(None, ContainerConfig(image="made:v1"), HostConfig())
    assert (await bench.finish(made.id)).stdout == b"kept\n"
    assert "A=1" in (bench.containers.get(made.id).config.env or [])
    await bench.containers.remove(made.id)
    await bench.engine.images.remove("made:v1")


async def test_size(bench: Bench) -> None:
    id_ = await bench.create("sh", "-c", "head -c 100000 /dev/zero > /big")
    await bench.finish(id_)
    written, whole = await bench.containers.size(id_)
    assert 100_000 <= written < 120_000
    assert whole == written + bench.engine.images.resolve("busybox").size
