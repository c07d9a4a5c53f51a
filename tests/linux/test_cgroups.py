"""Groups on the host's own hierarchies, whatever they are, and the shapes of hosts that this one is not."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.linux import cgroups
from pogu.linux.cgroups import Cgroup, Hierarchy
from pogu.linux.processes import Process, spawn


@pytest.fixture
def group() -> Iterator[Cgroup]:
    cgroups.prepare_host()
    found = Cgroup(f"/pogu-test-{secrets.token_hex(4)}")
    for directory in found.directories():
        directory.mkdir()
        _prepare_cpuset(directory)
    yield found
    found.kill()
    found.remove()


def _prepare_cpuset(directory: Path) -> None:
    """A version 1 cpuset takes no process before it has processors and memory."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (directory / name).exists() and (directory.parent / name).exists():
            (directory / name).write_text((directory.parent / name).read_text())


def sleeper(group: Cgroup) -> Process:
    process = spawn(["sleep", "60"])
    for directory in group.directories():
        (directory / "cgroup.procs").write_text(str(process.pid))
    return process


def test_the_host_is_made_usable_for_crun() -> None:
    cgroups.prepare_host()
    hierarchy = cgroups.hierarchy()
    assert hierarchy.stray() == []
    assert {"memory", "cpu", "pids", "io"} <= hierarchy.available()
    assert cgroups.prepare_host() == []


def test_where_files_are(tmp_path: Path) -> None:
    legacy = Hierarchy({"memory": tmp_path / "memory", "cpu": tmp_path / "cpu"}, tmp_path / "unified")
    assert legacy.version == 1
    modern = Hierarchy({}, tmp_path)
    assert modern.version == 2
    group = Cgroup("a/../b/")
    group._hierarchy = legacy
    assert group.directory("memory") == tmp_path / "memory" / "a/../b"
    assert group.directory("pids") is None
    assert len(group.directories()) == 3
    group._hierarchy = modern
    assert group.directory("pids") == tmp_path / "a/../b"


def test_controllers_left_in_the_v2_tree_of_a_hybrid_host_are_found(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("hugetlb misc\n")
    assert Hierarchy({"memory": tmp_path / "m"}, tmp_path).stray() == ["hugetlb", "misc"]
    assert Hierarchy({}, tmp_path).stray() == []
    assert Hierarchy({"memory": tmp_path / "m"}, None).stray() == []


async def test_members_are_listed_and_signalled(group: Cgroup) -> None:
    processes = [sleeper(group), sleeper(group)]
    assert group.pids() == sorted(p.pid for p in processes)
    assert cgroups.path_of(processes[0].pid) == group.path
    group.kill(signal.SIGTERM)
    assert await asyncio.gather(*(p.wait() for p in processes)) == [-15, -15]
    assert group.pids() == []


async def test_freezing_stops_and_thawing_goes_on(group: Cgroup, tmp_path: Path) -> None:
    process = spawn(["sh", "-c", f"while :; do echo >>{tmp_path}/out; sleep 0.01; done"])
    for directory in group.directories():
        (directory / "cgroup.procs").write_text(str(process.pid))
    await until_larger(tmp_path / "out", 1)
    await group.freeze()
    assert group.frozen()
    size = (tmp_path / "out").stat().st_size
    await asyncio.sleep(0.2)
    assert (tmp_path / "out").stat().st_size == size
    group.thaw()
    await until_larger(tmp_path / "out", size)
    await group.freeze()
    group.kill()
    assert await process.wait() == -9


async def until_larger(path: Path, size: int) -> None:
    async with asyncio.timeout(10):
        while not path.exists() or path.stat().st_size <= size:
            await asyncio.sleep(0.01)


async def test_groups_within_are_killed_and_removed_too(group: Cgroup) -> None:
    inner = Cgroup(f"{group.path}/inner/most")
    for directory in inner.directories():
        directory.mkdir(parents=True)
        _prepare_cpuset(directory.parent)
        _prepare_cpuset(directory)
    process = sleeper(inner)
    assert group.pids() == [process.pid]
    group.kill()
    await process.wait()
    group.remove()
    assert not group.exists()
    group.remove()


async def test_a_used_group_stays(group: Cgroup) -> None:
    process = sleeper(group)
    group.remove_unused()
    assert group.exists()
    process.send_signal(signal.SIGKILL)
    await process.wait()
    for _ in range(100):
        group.remove_unused()
        if not group.exists():
            break
        await asyncio.sleep(0.01)
    assert not group.exists()


def test_files_are_read_and_written(group: Cgroup) -> None:
    group.write("pids", "pids.max", 17)
    assert group.read("pids", "pids.max") == "17\n"
    assert "inactive_file" in group.counters("memory", "memory.stat")
    assert group.oom_kills() == 0
    assert group.read("memory", "no.such.file") is None
    assert group.read("no-such-controller", "x") is None or cgroups.hierarchy().version == 2
    with pytest.raises(FileNotFoundError):
        group.write("memory", "no.such.file", "x")


def test_a_group_that_is_removed_just_then(group: Cgroup) -> None:
    """systemd removes a scope as soon as it is empty; a write and a kill find it there, or not, and nothing else."""
    name = f"{group.path}/fleeting"
    stop = threading.Event()

    def come_and_go() -> None:
        fleeting = Cgroup(name)
        while not stop.is_set():
            for directory in fleeting.directories():
                directory.mkdir(exist_ok=True)
            fleeting.remove()

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        for _ in range(2000):
            Cgroup(name).kill()
    finally:
        stop.set()
        other.join()


def test_a_process_that_has_gone_has_no_group() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    with pytest.raises(ProcessLookupError):
        cgroups.path_of(pid)
