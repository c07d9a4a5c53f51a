"""Many containers at once; afterwards the kernel holds what it held before."""

from __future__ import annotations

import concurrent.futures
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from tests.running import RunningDaemon, eventually


@pytest.fixture
def crowded() -> Iterator[RunningDaemon]:
    running = RunningDaemon()
    try:
        running.start()
        running.load_image("busybox")
        running.docker("run", "--rm", "busybox", "true")
        yield running
    finally:
        running.close()


def _footprint(daemon: RunningDaemon) -> dict[str, int]:
    """Count the kernel's objects that belong to this daemon."""
    mounts = Path("/proc/self/mounts").read_text()
    links = subprocess.check_output(["ip", "-o", "link", "show", "master", daemon.bridge], text=True)
    cgroups = [p for p in Path("/sys/fs/cgroup").glob(f"**{daemon.cgroup_parent}/*") if p.is_dir()]
    assert daemon.process
    return {
        "mounts": mounts.count(str(daemon.home)),
        "links": len(links.splitlines()),
        "cgroups": len(cgroups),
        "descriptors": sum(1 for _ in Path(f"/proc/{daemon.process.pid}/fd").iterdir()),
        "folders": sum(1 for p in (daemon.root / "containers").glob("*")) + sum(1 for p in daemon.run_dir.glob("*/*")),
    }


@pytest.mark.soak
def test_a_crowd_comes_and_goes(
    crowded: RunningDaemon, soak: Callable[[float, float], float], evidence: Callable[..., None]
) -> None:
    """`make soak` starts 200 at once; the short form 30."""
    number = int(soak(30, 200))
    eventually(lambda: _footprint(crowded)["cgroups"] == 0)
    before = _footprint(crowded)
    client = docker.DockerClient(base_url=crowded.url, max_pool_size=number, timeout=300)
    with concurrent.futures.ThreadPoolExecutor(number) as pool:
        started = list(pool.map(lambda _: client.containers.run("busybox", "sleep 1000", detach=True), range(number)))
        assert len(crowded.docker("ps", "-q").out.split()) == number
        list(pool.map(lambda c: c.remove(force=True), started))
    client.close()
    assert crowded.docker("ps", "-aq").out == ""

    def back() -> bool:
        now = _footprint(crowded)
        return all(now[k] <= before[k] + (8 if k == "descriptors" else 0) for k in before)

    eventually(back, timeout=60)
    evidence(containers=number, before=before, after=_footprint(crowded))
