"""`docker cp` both ways."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pogu.engine.model import HostConfig
from pogu.errors import Forbidden, InvalidArgument, NotFound
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


def tar(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


async def stream(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def fetch(bench: Bench, ref: str, path: str) -> dict[str, bytes]:
    _, chunks = await bench.containers.archive_get(ref, path)
    data = b"".join([chunk async for chunk in chunks])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {m.name: archive.extractfile(m).read() if m.isreg() else b"" for m in archive}  # type: ignore[union-attr]


@pytest.mark.parametrize("running", [True, False])
async def test_both_ways_with_volumes_in_place(bench: Bench, running: bool, tmp_path: Path) -> None:
    (tmp_path / "bound").write_bytes(b"bound")
    host = HostConfig(binds=["cp:/vol", f"{tmp_path}:/bind"])
    id_ = await (bench.start if running else bench.create)(*LONG, host=host)
    await bench.containers.archive_put(id_, "/vol", stream(tar(x=b"in volume")))
    await bench.containers.archive_put(id_, "/etc", stream(tar(y=b"in root")))
    assert await fetch(bench, id_, "/vol/x") == {"x": b"in volume"}
    assert await fetch(bench, id_, "/etc/y") == {"y": b"in root"}
    assert await fetch(bench, id_, "/bind") == {"bind": b"", "bind/bound": b"bound"}
    volume = Path(bench.engine.volumes.get("cp").mountpoint)
    assert (volume / "x").read_bytes() == b"in volume"
    stat = await bench.containers.archive_stat(id_, "/etc/y")
    assert (stat.name, stat.size) == ("y", 7)
    assert "archive-path" in bench.actions(id_)
    assert "extract-to-dir" in bench.actions(id_)
    await bench.containers.remove(id_, force=True)
    await bench.engine.volumes.remove("cp")
    assert not (bench.config.run / "rootfs" / id_).exists()


async def test_what_was_put_in_is_there_when_it_starts(bench: Bench) -> None:
    id_ = await bench.create("cat", "/etc/y")
    await bench.containers.archive_put(id_, "/etc", stream(tar(y=b"hello")))
    assert (await bench.finish(id_)).stdout == b"hello"


async def test_missing_paths(bench: Bench) -> None:
    id_ = await bench.create("true", name="bare")
    with pytest.raises(NotFound, match="Could not find the file /nosuch in container bare"):
        await bench.containers.archive_stat(id_, "/nosuch")
    with pytest.raises(NotFound, match="Could not find the file /nosuch in container bare"):
        await bench.containers.archive_get(id_, "/nosuch")
    with pytest.raises(NotFound, match="Could not find the file /nosuch in container bare"):
        await bench.containers.archive_put(id_, "/nosuch", stream(tar(x=b"")))
    with pytest.raises(InvalidArgument, match="not a directory"):
        await bench.containers.archive_put(id_, "/bin/busybox", stream(tar(x=b"")))


async def test_read_only_places(bench: Bench) -> None:
    id_ = await bench.start(*LONG, host=HostConfig(readonly_rootfs=True, binds=["ro:/ro:ro", "rw:/rw"]))
    with pytest.raises(Forbidden, match="container rootfs is marked read-only"):
        await bench.containers.archive_put(id_, "/etc", stream(tar(x=b"")))
    with pytest.raises(Forbidden, match="mounted volume is marked read-only"):
        await bench.containers.archive_put(id_, "/ro", stream(tar(x=b"")))
    await bench.containers.archive_put(id_, "/rw", stream(tar(x=b"")))
    await bench.containers.remove(id_, force=True)
    for name in ("ro", "rw"):
        await bench.engine.volumes.remove(name)


async def test_links_lead_nowhere_outside(bench: Bench, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"host only")
    id_ = await bench.start(*LONG)
    await bench.text(id_, "ln", "-s", f"../../../../..{secret}", "/out")
    await bench.text(id_, "ln", "-s", f"../../../..{tmp_path}", "/dir")
    with pytest.raises(NotFound):
        await fetch(bench, id_, "/out/")
    with pytest.raises(NotFound):
        await bench.containers.archive_put(id_, "/dir", stream(tar(x=b"")))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["secret"]


async def test_the_kernels_own_files_stay_out_of_it(bench: Bench) -> None:
    """Reading all of /sys does things (zram-control/hot_add makes a device), and writing to it cannot be."""
    id_ = await bench.start(*LONG)
    whole = await fetch(bench, id_, "/")
    assert {n for n in whole if n.startswith(("/proc", "/sys"))} == {"/proc", "/sys"}
    info = tarfile.TarInfo("sys/")
    info.type, info.mode = tarfile.DIRTYPE, 0o700
    await bench.containers.archive_put(id_, "/", stream(info.tobuf() + tar(etc_new=b"1")))
    assert await fetch(bench, id_, "/etc_new") == {"etc_new": b"1"}
    await bench.containers.remove(id_, force=True)
