"""What `StorageDriver` promises, as tests that every driver must pass.

A driver's test module makes a subclass whose name begins with `Test` and says in `make` how the driver is made.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import shutil
import stat
import tarfile
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pogu.engine.storage import Change, ChangeKind, LayerInfo, StorageDriver, chain_of
from pogu.errors import Conflict, InvalidArgument, NotFound, PoguError
from pogu.linux.mounts import MNT_DETACH, is_mounted, unmount
from tests.engine.archive.tars import Member, names, tar

BASE = tar(
    "etc/",
    Member("etc/passwd", b"root:x:0:0"),
    Member("etc/shadow", b"secret", mode=0o600, gid=42),
    Member("tmp/", mode=0o1777),
    "usr/",
    "usr/lib/",
    Member("usr/lib/libc", b"libc"),
    Member("lib", link="usr/lib"),
    "data/",
    Member("data/a", b"a"),
    "data/deep/",
    Member("data/deep/b", b"b"),
)
SECOND = tar("etc/", "etc/.wh.shadow", Member("etc/hosts", b"localhost"), "data/", "data/.wh..wh..opq", "data/c")


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def shown(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*"))


async def collect(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in stream])


def becomes_directory(root: Path) -> None:
    (root / "data" / "a").unlink()
    (root / "data" / "a").mkdir()
    (root / "data" / "a" / "x").write_text("")


def becomes_file(root: Path) -> None:
    shutil.rmtree(root / "data")
    (root / "data").write_text("x")


def is_replaced(root: Path) -> None:
    shutil.rmtree(root / "data")
    (root / "data").mkdir()
    (root / "data" / "n").write_text("x")


def comes_and_goes(root: Path) -> None:
    (root / "x").write_text("")
    (root / "x").unlink()


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "new file": (lambda r: (r / "new").write_text("x"), "A /new"),
    "new file below": (lambda r: (r / "etc/new").write_text("x"), "C /etc, A /etc/new"),
    "new tree": (lambda r: (r / "a/b").mkdir(parents=True), "A /a, A /a/b"),
    "content": (lambda r: (r / "etc/passwd").write_text("x"), "C /etc, C /etc/passwd"),
    "mode": (lambda r: (r / "etc/passwd").chmod(0o600), "C /etc, C /etc/passwd"),
    "owner": (lambda r: os.chown(r / "etc/passwd", 5, 5), "C /etc, C /etc/passwd"),
    "owner of a link": (lambda r: os.lchown(r / "lib", 5, 5), "C /lib"),
    "mode of a directory": (lambda r: (r / "usr/lib").chmod(0o700), "C /usr, C /usr/lib"),
    "time of a directory": (lambda r: os.utime(r / "usr/lib", (1, 1)), ""),
    "removed file": (lambda r: (r / "etc/passwd").unlink(), "C /etc, D /etc/passwd"),
    "removed tree": (lambda r: shutil.rmtree(r / "data"), "D /data"),
    "removed and new": (lambda r: (r / "lib").unlink() or (r / "lib").write_text("x"), "C /lib"),
    "file becomes directory": (becomes_directory, "C /data, C /data/a, A /data/a/x"),
    "directory becomes file": (becomes_file, "C /data"),
    "directory replaced": (is_replaced, "C /data, D /data/a, D /data/deep, A /data/n"),
    "renamed file": (lambda r: (r / "data/a").rename(r / "data/z"), "C /data, D /data/a, A /data/z"),
    "linked file": (lambda r: (r / "data/z").hardlink_to(r / "data/a"), "C /data, A /data/z"),
    "new and removed again": (comes_and_goes, ""),
    "device": (lambda r: os.mknod(r / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3)), "A /null"),
}


class StorageDriverContract:
    """The suite; `make` returns a new driver object on a directory."""

    def make(self, root: Path) -> StorageDriver:
        raise NotImplementedError

    @pytest.fixture
    def target(self, tmp_path: Path) -> Path:
        return tmp_path / "mounted"

    @pytest.fixture
    async def driver(self, tmp_path: Path, target: Path) -> AsyncIterator[StorageDriver]:
        driver = self.make(tmp_path / "storage")
        await driver.start()
        yield driver
        while unmount(target, MNT_DETACH):
            pass
        await driver.stop()

    @pytest.fixture
    async def layer(self, driver: StorageDriver) -> LayerInfo:
        return await driver.add_layer(None, None, io.BytesIO(BASE))

    # layers

    async def test_a_layer_is_known_by_what_it_holds(self, driver: StorageDriver) -> None:
        info = await driver.add_layer(digest(BASE), None, io.BytesIO(BASE), diff_id=digest(BASE))
        assert info == LayerInfo(digest(BASE), digest(BASE), 29, None)
        assert driver.has_layer(info.chain_id)
        assert driver.layers() == [info]
        assert driver.layer(info.chain_id) == info

    async def test_a_layer_on_a_layer(self, driver: StorageDriver, layer: LayerInfo) -> None:
        info = await driver.add_layer(None, layer.chain_id, io.BytesIO(SECOND))
        assert info.chain_id == chain_of(layer.chain_id, digest(SECOND))
        assert (info.parent, info.diff_id) == (layer.chain_id, digest(SECOND))

    async def test_a_layer_of_nothing(self, driver: StorageDriver, target: Path) -> None:
        info = await driver.add_layer(None, None, io.BytesIO(tar()))
        assert info.size == 0
        await driver.create("c", info.chain_id)
        await driver.mount("c", target)
        assert shown(target) == []

    async def test_a_layer_that_exists_is_not_read_again(self, driver: StorageDriver, layer: LayerInfo) -> None:
        class Untouchable:
            def read(self, size: int = -1, /) -> bytes:
                raise AssertionError("read")

        assert await driver.add_layer(layer.chain_id, None, Untouchable()) == layer

    async def test_layers_added_at_once_are_unpacked_once(self, driver: StorageDriver) -> None:
        reads: list[int] = []

        class Counted(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                data = super().read(size)
                reads.append(len(data))
                return data

        chain = digest(BASE)
        infos = await asyncio.gather(*(driver.add_layer(chain, None, Counted(BASE)) for _ in range(5)))
        assert len(set(infos)) == 1
        assert sum(reads) == len(BASE)

    async def test_layers_added_at_once_without_a_name_become_one(self, driver: StorageDriver) -> None:
        infos = await asyncio.gather(
            *(driver.add_layer(chain, None, io.BytesIO(BASE)) for chain in (None, digest(BASE), None, None))
        )
        assert len(set(infos)) == 1
        await driver.remove_layer(digest(BASE))
        assert driver.layers() == []

    async def test_when_the_first_of_several_fails_another_unpacks(self, driver: StorageDriver) -> None:
        chain = digest(BASE)
        results = await asyncio.gather(
            driver.add_layer(chain, None, io.BytesIO(BASE[:1500])),
            driver.add_layer(chain, None, io.BytesIO(BASE)),
            return_exceptions=True,
        )
        assert isinstance(results[0], InvalidArgument)
        assert isinstance(results[1], LayerInfo)

    @pytest.mark.parametrize(
        ("wrong", "data"),
        [
            ({"diff_id": "sha256:" + "0" * 64}, BASE),
            ({"chain_id": "sha256:" + "0" * 64}, BASE),
            ({}, BASE[:1500]),
            ({}, b"no archive" * 100),
        ],
        ids=["other content", "other chain", "cut off", "rubbish"],
    )
    async def test_what_is_not_the_layer_leaves_nothing(
        self, driver: StorageDriver, tmp_path: Path, wrong: dict[str, str], data: bytes
    ) -> None:
        with pytest.raises(InvalidArgument):
            await driver.add_layer(wrong.get("chain_id"), None, io.BytesIO(data), diff_id=wrong.get("diff_id"))
        assert driver.layers() == []
        await self.assert_empty(driver, tmp_path)

    @pytest.mark.parametrize("chain", ["sha256:..", "../../etc", "sha256:" + "G" * 64, ""])
    async def test_chain_ids_are_checked(self, driver: StorageDriver, chain: str) -> None:
        with pytest.raises(InvalidArgument):
            await driver.add_layer(chain, None, io.BytesIO(BASE))

    async def test_a_missing_parent(self, driver: StorageDriver) -> None:
        with pytest.raises(NotFound):
            await driver.add_layer(None, digest(b"other"), io.BytesIO(SECOND))
        with pytest.raises(NotFound):
            driver.layer(digest(b"other"))

    async def test_a_cancelled_unpacking_leaves_nothing(self, driver: StorageDriver, tmp_path: Path) -> None:
        reading = asyncio.Event()
        go_on = threading.Event()
        loop = asyncio.get_running_loop()

        class Stuck(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                loop.call_soon_threadsafe(reading.set)
                go_on.wait(10)
                return super().read(1024)

        task = asyncio.create_task(driver.add_layer(digest(BASE), None, Stuck(BASE)))
        await reading.wait()
        task.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert driver.layers() == []
        assert await driver.add_layer(digest(BASE), None, io.BytesIO(BASE))
        await driver.remove_layer(digest(BASE))
        await self.assert_empty(driver, tmp_path)

    async def test_a_failing_source_is_told(self, driver: StorageDriver) -> None:
        class Broken:
            def read(self, size: int = -1, /) -> bytes:
                raise OSError(5, "Input/output error")

        with pytest.raises(PoguError, match="Input/output error"):
            await driver.add_layer(None, None, Broken())
        assert driver.layers() == []

    async def test_layers_in_use_stay(self, driver: StorageDriver, layer: LayerInfo) -> None:
        second = await driver.add_layer(None, layer.chain_id, io.BytesIO(SECOND))
        await driver.create("c", second.chain_id)
        with pytest.raises(Conflict):
            await driver.remove_layer(layer.chain_id)
        with pytest.raises(Conflict):
            await driver.remove_layer(second.chain_id)
        await driver.remove("c")
        await driver.remove_layer(second.chain_id)
        await driver.remove_layer(layer.chain_id)
        await driver.remove_layer(layer.chain_id)
        assert driver.layers() == []

    async def test_a_layer_can_be_told_again(self, driver: StorageDriver, layer: LayerInfo, target: Path) -> None:
        second = await driver.add_layer(None, layer.chain_id, io.BytesIO(SECOND))
        data = await collect(driver.layer_diff(second.chain_id))
        assert {"etc/.wh.shadow", "etc/hosts", "data/c"} <= set(names(data))
        again = await driver.add_layer(None, layer.chain_id, io.BytesIO(data))
        await driver.create("c", again.chain_id)
        await driver.mount("c", target)
        assert shown(target / "data") == ["c"]
        assert shown(target / "etc") == ["hosts", "passwd"]
        with pytest.raises(NotFound):
            await collect(driver.layer_diff(digest(b"other")))

    # containers

    async def test_a_container_sees_its_layers(self, driver: StorageDriver, layer: LayerInfo, target: Path) -> None:
        second = await driver.add_layer(None, layer.chain_id, io.BytesIO(SECOND))
        await driver.create("c", second.chain_id)
        await driver.mount("c", target)
        assert shown(target) == [
            "data", "data/c", "etc", "etc/hosts", "etc/passwd", "lib", "tmp", "usr", "usr/lib", "usr/lib/libc"
        ]  # fmt: skip
        assert (target / "etc" / "passwd").read_bytes() == b"root:x:0:0"
        assert stat.S_IMODE((target / "tmp").stat().st_mode) == 0o1777
        assert stat.S_IMODE(target.stat().st_mode) == 0o755

    async def test_implied_directories_are_those_below(
        self, driver: StorageDriver, layer: LayerInfo, target: Path
    ) -> None:
        second = await driver.add_layer(None, layer.chain_id, io.BytesIO(tar("tmp/x", "lib/more")))
        await driver.create("c", second.chain_id)
        await driver.mount("c", target)
        assert stat.S_IMODE((target / "tmp").stat().st_mode) == 0o1777
        assert (target / "lib").is_symlink()
        assert shown(target / "usr" / "lib") == ["libc", "more"]

    async def test_a_layers_own_root_is_the_containers(self, driver: StorageDriver, target: Path) -> None:
        base = await driver.add_layer(None, None, io.BytesIO(tar(Member("./", mode=0o711, uid=3), "f")))
        top = await driver.add_layer(None, base.chain_id, io.BytesIO(tar("g")))
        await driver.create("c", top.chain_id)
        await driver.mount("c", target)
        assert (stat.S_IMODE(target.stat().st_mode), target.stat().st_uid) == (0o711, 3)

    async def test_what_is_written_stays_and_others_do_not_see_it(
        self, driver: StorageDriver, layer: LayerInfo, target: Path, tmp_path: Path
    ) -> None:
        await driver.create("one", layer.chain_id)
        await driver.create("two", layer.chain_id)
        await driver.mount("one", target)
        (target / "etc" / "passwd").write_text("changed")
        (target / "data" / "a").unlink()
        await driver.unmount("one", target)
        assert shown(target) == []
        await driver.mount("two", target)
        assert (target / "etc" / "passwd").read_text() == "root:x:0:0"
        assert (target / "data" / "a").exists()
        await driver.unmount("two", target)
        await driver.mount("one", target)
        assert (target / "etc" / "passwd").read_text() == "changed"
        assert not (target / "data" / "a").exists()

    async def test_mounting_and_unmounting_twice(self, driver: StorageDriver, layer: LayerInfo, target: Path) -> None:
        await driver.create("c", layer.chain_id)
        await driver.create("c", layer.chain_id)
        await driver.mount("c", target)
        await driver.mount("c", target)
        assert is_mounted(target)
        await driver.unmount("c", target)
        assert not is_mounted(target)
        await driver.unmount("c", target)
        assert driver.containers() == ["c"]

    async def test_a_container_on_nothing(self, driver: StorageDriver, target: Path) -> None:
        await driver.create("c", None)
        await driver.mount("c", target)
        (target / "f").write_text("x")
        assert await driver.changes("c") == [Change("/f", ChangeKind.ADDED)]
        assert names(await collect(driver.diff("c"))) == ["f"]
        assert await driver.usage("c") == 1

    async def test_a_writable_layer_becomes_a_layer(
        self, driver: StorageDriver, layer: LayerInfo, target: Path
    ) -> None:
        for name in ("c", "again"):
            await driver.create(name, layer.chain_id)
            await driver.mount(name, target)
            (target / "new").write_text("five\n")
            os.utime(target / "new", (1, 1))
            (target / "etc").mkdir(exist_ok=True)
            (target / "etc" / "hosts").touch()  # as the runtime makes it, to mount on it
            for path in (target / "etc", target):
                os.utime(path, (2, 2))
            await driver.unmount(name, target)
        archive = await collect(driver.diff("c"))
        info = await driver.adopt("c", digest(archive))
        assert (info.parent, info.diff_id, info.size) == (layer.chain_id, digest(archive), 5)
        assert info.chain_id == chain_of(layer.chain_id, digest(archive))
        assert driver.containers() == ["again"]
        assert names(await collect(driver.layer_diff(info.chain_id))) == names(archive)
        assert await driver.adopt("again", digest(archive)) == info
        assert driver.containers() == []
        await driver.create("on-it", info.chain_id)
        await driver.mount("on-it", target)
        assert (target / "new").read_text() == "five\n"
        assert not (target / "etc" / "hosts").exists()

    async def test_what_was_never_created_cannot_become_a_layer(self, driver: StorageDriver) -> None:
        with pytest.raises(NotFound):
            await driver.adopt("c", digest(BASE))

    async def test_many_containers_at_once(self, driver: StorageDriver, layer: LayerInfo, tmp_path: Path) -> None:
        targets = {f"c{i}": tmp_path / f"m{i}" for i in range(20)}

        async def life(name: str, target: Path) -> str:
            await driver.create(name, layer.chain_id)
            await driver.mount(name, target)
            (target / "name").write_text(name)
            text = (target / "name").read_text()
            await driver.unmount(name, target)
            await driver.remove(name)
            return text

        try:
            assert await asyncio.gather(*(life(n, t) for n, t in targets.items())) == list(targets)
        finally:
            for target in targets.values():
                unmount(target, MNT_DETACH)
        assert driver.containers() == []

    @pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "../x", "a\0b"])
    async def test_container_names_are_checked(self, driver: StorageDriver, name: str) -> None:
        with pytest.raises(InvalidArgument):
            await driver.create(name, None)

    async def test_containers_that_do_not_exist(self, driver: StorageDriver, target: Path) -> None:
        with pytest.raises(NotFound):
            await driver.create("c", digest(b"other"))
        with pytest.raises(NotFound):
            await driver.mount("c", target)
        with pytest.raises(NotFound):
            await driver.changes("c")
        with pytest.raises(NotFound):
            await driver.usage("c")
        with pytest.raises(NotFound):
            await collect(driver.diff("c"))
        with pytest.raises(NotFound):
            driver.describe("c")
        await driver.unmount("c", target)
        await driver.remove("c")

    # changes

    @pytest.fixture
    async def mounted(self, driver: StorageDriver, layer: LayerInfo, target: Path) -> Path:
        await driver.create("c", layer.chain_id)
        await driver.mount("c", target)
        return target

    async def test_nothing_changed(self, driver: StorageDriver, mounted: Path) -> None:
        (mounted / "etc" / "passwd").read_bytes()
        assert await driver.changes("c") == []
        assert await driver.usage("c") == 0
        assert names(await collect(driver.diff("c"))) == []

    @pytest.mark.parametrize("case", CHANGES)
    async def test_changes(self, driver: StorageDriver, mounted: Path, case: str) -> None:
        change, expected = CHANGES[case]
        change(mounted)
        letters = {ChangeKind.MODIFIED: "C", ChangeKind.ADDED: "A", ChangeKind.DELETED: "D"}
        found = await driver.changes("c")
        assert ", ".join(f"{letters[c.kind]} {c.path}" for c in found) == expected

    @pytest.mark.parametrize("case", CHANGES)
    async def test_a_diff_on_the_same_layer_gives_the_same_tree(
        self, driver: StorageDriver, layer: LayerInfo, mounted: Path, tmp_path: Path, case: str
    ) -> None:
        CHANGES[case][0](mounted)
        data = await collect(driver.diff("c"))
        committed = await driver.add_layer(None, layer.chain_id, io.BytesIO(data))
        await driver.create("again", committed.chain_id)
        other = tmp_path / "again"
        await driver.mount("again", other)
        try:
            assert shown(other) == shown(mounted)
            for path in shown(mounted):
                old, new = (mounted / path).lstat(), (other / path).lstat()
                assert (old.st_mode, old.st_uid, old.st_gid, old.st_rdev) == (
                    new.st_mode, new.st_uid, new.st_gid, new.st_rdev
                ), path  # fmt: skip
                if stat.S_ISREG(old.st_mode):
                    assert (mounted / path).read_bytes() == (other / path).read_bytes()
        finally:
            unmount(other, MNT_DETACH)

    async def test_a_diff_is_a_layer_in_anybodys_eyes(self, driver: StorageDriver, mounted: Path) -> None:
        (mounted / "etc" / "shadow").unlink()
        (mounted / "etc" / "new").write_text("new")
        with tarfile.open(fileobj=io.BytesIO(await collect(driver.diff("c")))) as archive:
            found = {m.name: m for m in archive}
        assert sorted(found) == ["etc", "etc/.wh.shadow", "etc/new"]
        assert found["etc/.wh.shadow"].isreg()
        assert found["etc/.wh.shadow"].size == 0

    async def test_usage_counts_each_inode_once(self, driver: StorageDriver, mounted: Path) -> None:
        (mounted / "one").write_bytes(b"x" * 1000)
        (mounted / "two").hardlink_to(mounted / "one")
        (mounted / "etc" / "passwd").write_bytes(b"y" * 100)
        (mounted / "data" / "a").unlink()
        assert await driver.usage("c") == 1100

    async def test_a_diff_that_nobody_reads_to_the_end(self, driver: StorageDriver, mounted: Path) -> None:
        for i in range(20):
            (mounted / f"f{i}").write_bytes(b"x" * 1_000_000)
        stream = driver.diff("c")
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        await driver.unmount("c", mounted)
        await driver.remove("c")

    # a new start

    async def test_a_new_start_finds_everything(
        self, driver: StorageDriver, layer: LayerInfo, target: Path, tmp_path: Path
    ) -> None:
        second = await driver.add_layer(None, layer.chain_id, io.BytesIO(SECOND))
        await driver.create("c", second.chain_id)
        await driver.create("scratch", None)
        await driver.mount("c", target)
        (target / "f").write_text("x")
        again = self.make(tmp_path / "storage")  # as after a kill: nothing was closed, the mount is there
        await again.start()
        try:
            assert sorted(again.layers(), key=str) == sorted([layer, second], key=str)
            assert sorted(again.containers()) == ["c", "scratch"]
            await again.mount("c", target)
            assert Change("/f", ChangeKind.ADDED) in await again.changes("c")
            with pytest.raises(Conflict):
                await again.remove_layer(second.chain_id)
            await again.unmount("c", target)
            assert not is_mounted(target)
        finally:
            await again.stop()

    async def test_a_new_start_cleans_what_was_half_made(
        self, driver: StorageDriver, layer: LayerInfo, tmp_path: Path
    ) -> None:
        root = tmp_path / "storage"
        trash = next(root.rglob("trash"))
        (trash / "half" / "fs" / "etc").mkdir(parents=True)
        (trash / "half" / "fs" / "etc" / "f").write_text("x")
        torn = trash.parent / "layers" / "0123456789ab"
        (torn / "fs").mkdir(parents=True)
        (torn / "layer.json").write_text("{torn")
        again = self.make(root)
        await again.start()
        await again.stop()
        assert again.layers() == [layer]
        assert not torn.exists()
        assert list(trash.iterdir()) == []

    async def assert_empty(self, driver: StorageDriver, tmp_path: Path) -> None:
        """Nothing but the driver's own directories is left, once its garbage is gone."""
        await driver.stop()
        left = [p for p in (tmp_path / "storage").rglob("*") if len(p.relative_to(tmp_path / "storage").parts) > 2]
        assert left == []
