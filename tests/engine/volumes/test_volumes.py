"""Volumes outlive containers and daemons, are never removed while used, and tell what happens to them."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pogu.engine.config import EngineConfig
from pogu.engine.events import EventBus
from pogu.engine.events.bus import Event
from pogu.engine.state import Delete, StateStore
from pogu.engine.volumes import ANONYMOUS_LABEL, Volumes
from pogu.errors import Conflict, InvalidArgument, NotFound
from pogu.linux.mounts import MNT_DETACH, is_mounted, unmount
from tests.engine.archive.tars import Member, tar, unpack

pytestmark = pytest.mark.root


class Told(EventBus):
    """A bus that remembers what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[Event] = []

    def publish(self, *args, **kwargs) -> Event:  # type: ignore[no-untyped-def]
        event = super().publish(*args, **kwargs)
        self.events.append(event)
        return event

    def last(self) -> tuple[str, str, dict[str, str]]:
        event = self.events[-1]
        return event.action, event.actor_id, dict(event.attributes)


@pytest.fixture
def config(tmp_path: Path) -> EngineConfig:
    return EngineConfig(root=tmp_path / "root", run=tmp_path / "run")


@pytest.fixture
def state(config: EngineConfig) -> AsyncIterator[StateStore]:
    store = StateStore(config.root / "state.db")
    yield store  # type: ignore[misc]
    store.close()


@pytest.fixture
def events() -> Told:
    return Told()


@pytest.fixture
async def volumes(config: EngineConfig, state: StateStore, events: Told) -> AsyncIterator[Volumes]:
    volumes = Volumes(config, state, events)
    await volumes.start()
    yield volumes
    for path in (config.root / "volumes").glob("*/_data"):
        unmount(path, MNT_DETACH)
    await volumes.stop()


async def restarted(config: EngineConfig, state: StateStore) -> Volumes:
    again = Volumes(config, state, EventBus())
    await again.start()
    await again.stop()
    return again


async def test_a_volume_is_a_directory(volumes: Volumes, config: EngineConfig, events: Told) -> None:
    volume = await volumes.create("data", labels={"a": "b"})
    path = Path(volume.mountpoint)
    assert path == config.root / "volumes" / "data" / "_data"
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert (volume.driver, volume.scope, volume.labels, volume.options) == ("local", "local", {"a": "b"}, None)
    assert volume.created_at.endswith("Z")
    assert events.last() == ("create", "data", {"driver": "local"})
    assert volumes.get("data") == volume
    assert volumes.list() == [volume]


async def test_creating_it_again_returns_the_same_and_says_nothing(volumes: Volumes, events: Told) -> None:
    first = await volumes.create("data", labels={"a": "b"})
    assert await volumes.create("data", labels={"other": "labels"}) == first
    assert len(events.events) == 1


async def test_a_volume_without_a_name_is_anonymous(volumes: Volumes) -> None:
    volume = await volumes.create(None)
    assert len(volume.name) == 64
    assert volume.anonymous
    assert volume.labels == {ANONYMOUS_LABEL: ""}


@pytest.mark.parametrize("name", ["x", "../etc", "a/b", "/etc"])
async def test_names_are_checked(volumes: Volumes, name: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^create {name}: "):
        await volumes.create(name)
    assert volumes.list() == []


async def test_other_drivers_do_not_exist(volumes: Volumes) -> None:
    with pytest.raises(NotFound) as e:
        await volumes.create("data", driver="rexray")
    assert e.value.message == 'create data: error looking up volume plugin rexray: plugin "rexray" not found'


async def test_removing(volumes: Volumes, events: Told) -> None:
    volume = await volumes.create("data")
    (Path(volume.mountpoint) / "f").write_text("x")
    await volumes.remove("data")
    assert not Path(volume.mountpoint).parent.exists()
    assert events.last() == ("destroy", "data", {"driver": "local"})
    with pytest.raises(NotFound) as e:
        volumes.get("data")
    assert e.value.message == "get data: no such volume"
    with pytest.raises(NotFound):
        await volumes.remove("data")
    await volumes.remove("data", force=True)


async def test_a_volume_in_use_stays(volumes: Volumes) -> None:
    await volumes.create("data")
    volumes.in_use = lambda name: ["c2", "c1"] if name == "data" else []
    for force in (False, True):
        with pytest.raises(Conflict) as e:
            await volumes.remove("data", force=force)
        assert e.value.message == "remove data: volume is in use - [c1, c2]"
    assert volumes.get("data")


async def test_a_volume_that_is_mounted_counts_as_used(volumes: Volumes) -> None:
    await volumes.create("data")
    await volumes.mount("data", "c1")
    with pytest.raises(Conflict):
        await volumes.remove("data")
    await volumes.unmount("data", "c1")
    await volumes.remove("data")


async def test_a_new_start_finds_everything(volumes: Volumes, config: EngineConfig, state: StateStore) -> None:
    made = [await volumes.create("data", labels={"a": "b"}), await volumes.create(None)]
    (Path(made[0].mountpoint) / "f").write_text("kept")
    again = await restarted(config, state)
    assert again.list() == sorted(made, key=lambda v: v.name)
    assert (Path(again.get("data").mountpoint) / "f").read_text() == "kept"


async def test_a_kill_between_directory_and_record(volumes: Volumes, config: EngineConfig, state: StateStore) -> None:
    """An empty directory was being made; one without a directory was being removed; files are never lost."""
    for name in ("kept", "empty", "going"):
        await volumes.create(name)
    (config.root / "volumes" / "kept" / "_data" / "f").write_text("x")
    await state.commit(Delete("volume", "kept"), Delete("volume", "empty"))
    (config.root / "volumes" / "going").rename(config.root / "volumes-trash" / "going")
    again = await restarted(config, state)
    assert [v.name for v in again.list()] == ["kept"]
    assert not (config.root / "volumes" / "empty").exists()
    assert list((config.root / "volumes-trash").iterdir()) == []
    assert [name for name, _ in state.load("volume")] == ["kept"]


async def test_many_at_once(volumes: Volumes) -> None:
    made = await asyncio.gather(
        *(volumes.create("same") for _ in range(10)), *(volumes.create(None) for _ in range(10))
    )
    assert len({v.name for v in made}) == 11
    await asyncio.gather(*(volumes.remove(v.name) for v in volumes.list()))
    assert volumes.list() == []


# mounting


async def test_mounting_tells_and_counts_containers(volumes: Volumes, events: Told) -> None:
    await volumes.create("data")
    path = await volumes.mount("data", "c1", destination="/data", read_write=False)
    assert path == Path(volumes.get("data").mountpoint)
    assert events.last() == (
        "mount",
        "data",
        {"driver": "local", "container": "c1", "destination": "/data", "read/write": "false", "propagation": ""},
    )
    await volumes.unmount("data", "c1")
    assert events.last() == ("unmount", "data", {"driver": "local", "container": "c1"})
    count = len(events.events)
    await volumes.unmount("data", "c1")
    assert len(events.events) == count


async def test_quiet_mounting_says_nothing(volumes: Volumes, events: Told) -> None:
    await volumes.create("data")
    await volumes.mount("data", "c1", quiet=True)
    await volumes.unmount("data", "c1")
    assert [e.action for e in events.events] == ["create"]


async def test_a_tmpfs_volume_is_mounted_while_it_is_used(volumes: Volumes) -> None:
    await volumes.create("mem", driver_opts={"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=1000,mode=0700"})
    path = Path(volumes.get("mem").mountpoint)
    assert not is_mounted(path)
    await volumes.mount("mem", "c1")
    await volumes.mount("mem", "c2")
    assert is_mounted(path)
    assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (1000, 0o700)
    await volumes.unmount("mem", "c1")
    assert is_mounted(path)
    await volumes.unmount("mem", "c2")
    assert not is_mounted(path)
    await volumes.remove("mem")


async def test_a_bind_volume_shows_the_directory_and_leaves_it(volumes: Volumes, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "f").write_text("the host's")
    await volumes.create("host", driver_opts={"type": "none", "device": str(tmp_path / "host"), "o": "bind,ro"})
    path = await volumes.mount("host", "c1")
    assert (path / "f").read_text() == "the host's"
    with pytest.raises(OSError):
        (path / "new").write_text("read-only")
    await volumes.unmount("host", "c1")
    await volumes.remove("host")
    assert (tmp_path / "host" / "f").read_text() == "the host's"


async def test_removing_a_volume_that_a_crash_left_mounted_leaves_what_is_mounted(
    volumes: Volumes, config: EngineConfig, state: StateStore, tmp_path: Path
) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "f").write_text("the host's")
    await volumes.create("host", driver_opts={"type": "none", "device": str(tmp_path / "host"), "o": "bind"})
    await volumes.mount("host", "c1")
    again = Volumes(config, state, EventBus())
    await again.start()
    await again.remove("host")
    await again.stop()
    assert (tmp_path / "host" / "f").read_text() == "the host's"


async def test_what_cannot_be_mounted_is_told_and_counts_nobody(volumes: Volumes) -> None:
    await volumes.create("bad", driver_opts={"type": "none", "device": "/no/such", "o": "bind"})
    with pytest.raises(InvalidArgument, match=r"failed to mount local volume: mount /no/such:.*: no such file"):
        await volumes.mount("bad", "c1")
    await volumes.remove("bad")
    with pytest.raises(NotFound):
        await volumes.mount("never-was", "c1")


# copying up

IMAGE = tar(
    Member("data/", mode=0o750, uid=33, gid=34),
    Member("data/f", b"from the image", uid=5, mode=0o640),
    Member("data/link", link="/etc/passwd"),
    Member("abs", link="/data"),
    Member("up", link="../../../../../../../etc"),
    Member("file", b"x"),
    "empty/",
)


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    unpack(IMAGE, tmp_path / "rootfs")
    return tmp_path / "rootfs"


@pytest.mark.parametrize("destination", ["/data", "data", "/abs", "/x/../data"])
async def test_an_empty_volume_gets_what_the_image_has(volumes: Volumes, rootfs: Path, destination: str) -> None:
    if ".." in destination:
        (rootfs / "x").mkdir()
    volume = await volumes.create("data")
    await volumes.mount("data", "c1", quiet=True)
    await volumes.copy_up(volume, rootfs, destination)
    path = Path(volume.mountpoint)
    assert (path / "f").read_text() == "from the image"
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid, path.stat().st_gid) == (0o750, 33, 34)
    assert (path / "f").stat().st_uid == 5
    assert (path / "link").readlink() == Path("/etc/passwd")


async def test_a_volume_with_files_is_left_alone(volumes: Volumes, rootfs: Path) -> None:
    volume = await volumes.create("data")
    (Path(volume.mountpoint) / "mine").write_text("x")
    await volumes.copy_up(volume, rootfs, "/data")
    assert [p.name for p in Path(volume.mountpoint).iterdir()] == ["mine"]
    assert Path(volume.mountpoint).stat().st_uid == 0


@pytest.mark.parametrize("destination", ["/nope", "/file", "/file/below", "/up"])
async def test_where_the_image_has_no_directory_nothing_is_copied(
    volumes: Volumes, rootfs: Path, destination: str
) -> None:
    volume = await volumes.create("data")
    await volumes.copy_up(volume, rootfs, destination)
    assert not any(Path(volume.mountpoint).iterdir())


async def test_even_an_empty_directory_gives_its_owner(volumes: Volumes, rootfs: Path) -> None:
    os.chown(rootfs / "empty", 7, 8)
    volume = await volumes.create("data")
    await volumes.copy_up(volume, rootfs, "/empty")
    assert Path(volume.mountpoint).stat().st_uid == 7


async def test_a_mounted_volume_is_filled_where_it_is_mounted(volumes: Volumes, rootfs: Path) -> None:
    volume = await volumes.create("mem", driver_opts={"type": "tmpfs", "device": "tmpfs"})
    path = await volumes.mount("mem", "c1")
    await volumes.copy_up(volume, rootfs, "/data")
    assert is_mounted(path)
    assert (path / "f").read_text() == "from the image"
    await volumes.unmount("mem", "c1")


async def test_a_directory_that_others_have_mounted_keeps_its_identity(volumes: Volumes, rootfs: Path) -> None:
    volume = await volumes.create("data")
    path = await volumes.mount("data", "running")
    inode = path.stat().st_ino
    await volumes.mount("data", "created", quiet=True)
    await volumes.copy_up(volume, rootfs, "/data")
    assert path.stat().st_ino == inode
    assert (path / "f").exists()


# size, filters, prune


async def test_sizes(volumes: Volumes) -> None:
    volume = await volumes.create("data")
    (Path(volume.mountpoint) / "f").write_bytes(b"x" * 1000)
    assert await volumes.size("data") == 1000
    await volumes.create("mem", driver_opts={"type": "tmpfs", "device": "tmpfs"})
    assert await volumes.size("mem") == -1


async def test_listing_those_that_nobody_uses(volumes: Volumes) -> None:
    for name in ("used", "free"):
        await volumes.create(name)
    volumes.in_use = lambda name: ["c"] if name == "used" else []
    assert [v.name for v in volumes.list({"dangling": ["true"]})] == ["free"]
    assert [v.name for v in volumes.list({"dangling": ["0"]})] == ["used"]
    with pytest.raises(InvalidArgument):
        volumes.list({"dangling": ["maybe"]})
    with pytest.raises(InvalidArgument):
        volumes.list({"all": ["true"]})


@pytest.fixture
async def several(volumes: Volumes) -> str:
    """Named, used and mounted volumes beside an anonymous one, whose name is returned."""
    for name in ("named", "used"):
        volume = await volumes.create(name, labels={"l": name})
        (Path(volume.mountpoint) / "f").write_bytes(b"x" * 100)
    await volumes.create("mem", driver_opts={"type": "tmpfs", "device": "tmpfs"})
    anonymous = await volumes.create(None)
    (Path(anonymous.mountpoint) / "f").write_bytes(b"x" * 10)
    volumes.in_use = lambda name: ["c"] if name == "used" else []
    return anonymous.name


async def test_prune_takes_anonymous_ones(volumes: Volumes, several: str, events: Told) -> None:
    assert await volumes.prune() == ([several], 10)
    assert events.last() == ("prune", "", {"reclaimed": "10"})
    assert [v.name for v in volumes.list()] == ["mem", "named", "used"]


@pytest.mark.parametrize("how", [{"all": True}, {"filters": {"all": ["true"]}}])
async def test_prune_takes_all_when_told(volumes: Volumes, several: str, how: dict[str, object]) -> None:
    names, freed = await volumes.prune(**how)  # type: ignore[arg-type]
    assert (sorted(names), freed) == (sorted([several, "named"]), 110)


async def test_prune_by_label(volumes: Volumes, several: str) -> None:
    assert await volumes.prune({"label": ["l=named"]}, all=True) == (["named"], 100)
    assert await volumes.prune({"label!": [ANONYMOUS_LABEL]}, all=True) == ([], 0)
    with pytest.raises(InvalidArgument):
        await volumes.prune({"name": ["x"]})
