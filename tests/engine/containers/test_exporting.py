"""Export, changes, commit and size."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator

import pytest

from pogu.engine.model import ContainerConfig, HostConfig
from pogu.engine.storage import ChangeKind
from pogu.errors import Conflict
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_changes(bench: Bench) -> None:
    id_ = await bench.create("sh", "-c", "echo x > /new; rm /etc/passwd", host=HostConfig(binds=["/vol"]))
    await bench.finish(id_)
    found = {c.path: c.kind for c in await bench.containers.changes(id_)}
    assert found["/new"] == ChangeKind.ADDED
    assert found["/etc/passwd"] == ChangeKind.DELETED
    assert found["/etc"] == ChangeKind.MODIFIED


async def test_what_marks_a_container_is_there_and_no_change(bench: Bench) -> None:
    id_ = await bench.create("sh", "-c", "test -e /.dockerenv && grep -q ' / ' /etc/mtab")
    assert (await bench.finish(id_)).code == 0
    assert await bench.containers.changes(id_) == []


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


async def test_an_export_that_comes_too_late_is_a_conflict(bench: Bench) -> None:
    """The container was there when it was asked for, and is gone when it is read."""
    id_ = await bench.create("true")
    archive = await bench.containers.export(id_)
    await bench.containers.remove(id_)
    with pytest.raises(Conflict, match=f"You cannot export container {id_} which is being removed"):
        await anext(archive)


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


@pytest.mark.parametrize("command", ["true", "touch /new"])
async def test_mount_points_of_the_engine_are_no_changes(bench: Bench, command: str) -> None:
    bare = io.BytesIO()
    with tarfile.open(fileobj=bare, mode="w") as archive:
        archive.add("/bin/busybox", "bin/busybox")
        for name in ("true", "touch"):
            info = tarfile.TarInfo(f"bin/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(info)

    async def read() -> AsyncIterator[bytes]:
        yield bare.getvalue()

    await bench.engine.images.import_(read(), "bare")
    made = await bench.containers.create(None, ContainerConfig(image="bare", cmd=command.split()), HostConfig())
    assert (await bench.finish(made.id)).code == 0
    found = [c.path for c in await bench.containers.changes(made.id)]
    assert [p for p in found if p not in ("/etc",)] == (["/new"] if command != "true" else [])
    await bench.containers.commit(made.id, repo="again")
    layer = bench.engine.storage.layer_diff(bench.engine.images.resolve("again").chain_ids[-1])
    with tarfile.open(fileobj=io.BytesIO(b"".join([c async for c in layer]))) as archive:
        assert not {"etc/hosts", "etc/hostname", "etc/resolv.conf", "dev", "proc", "sys"} & set(archive.getnames())
    await bench.containers.remove(made.id)
    for name in ("again", "bare"):
        await bench.engine.images.remove(name)
