"""Many containers at once; afterwards the kernel holds what it held before."""

from __future__ import annotations

import concurrent.futures
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.running import RunningDaemon, eventually, running_daemon

# what a warm process may keep: descriptors of idle connections, and MiB in an allocator's pools
SLACK = {"descriptors": 8, "memory": 8}


@pytest.fixture
def crowded() -> Iterator[RunningDaemon]:
    with running_daemon() as running:
        yield running


def _footprint(daemon: RunningDaemon) -> dict[str, int]:
    """Count the kernel's objects that belong to this daemon; its memory is the proportional set size in MiB."""
    mounts = Path("/proc/self/mounts").read_text()
    links = subprocess.check_output(["ip", "-o", "link", "show", "master", daemon.bridge], text=True)
    find = ["find", "/sys/fs/cgroup", "-mindepth", "2", "-type", "d", "-path", f"*{daemon.cgroup_parent}/*"]
    cgroups = subprocess.run(find, capture_output=True, text=True, check=False).stdout.split()  # some go meanwhile
    assert daemon.process
    tables = json.loads(subprocess.check_output(["nft", "-j", "list", "ruleset"]))["nftables"]
    rollup = Path(f"/proc/{daemon.process.pid}/smaps_rollup").read_text()
    return {
        "mounts": mounts.count(str(daemon.home)),
        "links": len(links.splitlines()),
        "cgroups": len(cgroups),
        "namespaces": sum(1 for _ in (daemon.run_dir / "netns").glob("*")),
        "rules": sum(json.dumps(t).count(daemon.bridge) for t in tables),
        "memory": int(next(line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:"))) >> 10,
        "descriptors": sum(1 for _ in Path(f"/proc/{daemon.process.pid}/fd").iterdir()),
        "folders": sum(1 for p in (daemon.root / "containers").glob("*")) + sum(1 for p in daemon.run_dir.glob("*/*")),
    }


@pytest.mark.soak
def test_a_crowd_comes_and_goes(
    crowded: RunningDaemon, soak: Callable[[float, float], float], evidence: Callable[..., None]
) -> None:
    """The short form starts 30 at once, `make soak` 200. A first crowd warms the daemon, the second is measured."""
    number = int(soak(30, 200))
    _crowd(crowded, number)
    eventually(lambda: _footprint(crowded)["cgroups"] == 0, timeout=60)
    before = _footprint(crowded)
    _crowd(crowded, number)

    def back() -> bool:
        now = _footprint(crowded)
        return all(now[k] <= before[k] + SLACK.get(k, 0) for k in before)

    eventually(back, timeout=60)
    evidence(containers=number, before=before, after=_footprint(crowded))


def _crowd(daemon: RunningDaemon, number: int) -> None:
    """Start `number` containers at once, see them all running, and remove them all at once."""
    client = docker.DockerClient(base_url=daemon.url, max_pool_size=number, timeout=300)
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        started = list(pool.map(lambda _: client.containers.run("busybox", "sleep 1000", detach=True), range(number)))
        assert len(daemon.docker("ps", "-q").out.split()) == number
        list(pool.map(lambda c: c.remove(force=True), started))
    client.close()
    assert daemon.docker("ps", "-aq").out == ""
