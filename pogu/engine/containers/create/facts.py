"""What this host's cgroups can do, read once."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from pogu.engine.containers.create.resources import ResourceFacts

_V2 = Path("/sys/fs/cgroup")


@functools.lru_cache(maxsize=1)
def host_facts() -> ResourceFacts:
    """Return the facts, from the cgroup hierarchies that are mounted."""
    processors = len(os.sched_getaffinity(0)) or 1
    if (_V2 / "cgroup.controllers").exists():
        return _unified(set((_V2 / "cgroup.controllers").read_text().split()), processors)
    return _legacy(processors)


def _unified(controllers: set[str], processors: int) -> ResourceFacts:
    """cgroup v2 has neither swappiness nor a switch for the OOM killer in a cgroup (admin-guide/cgroup-v2)."""
    memory, cpu, io = "memory" in controllers, "cpu" in controllers, "io" in controllers
    return ResourceFacts(
        cgroup_v2=True,
        memory=memory,
        swap=memory and Path("/proc/swaps").exists(),
        memory_reservation=memory,
        oom_kill_disable=False,
        swappiness=False,
        cpu_shares=cpu,
        cpu_cfs=cpu,
        cpu_realtime=False,
        cpuset="cpuset" in controllers,
        pids="pids" in controllers,
        blkio_weight=io,
        blkio_throttle=io,
        cpus=processors,
        cpu_list=_list(_V2 / "cpuset.cpus.effective", "/sys/devices/system/cpu/online"),
        memory_nodes=_list(_V2 / "cpuset.mems.effective", "/sys/devices/system/node/online"),
    )


def _legacy(processors: int) -> ResourceFacts:
    root = _V2

    def has(path: str) -> bool:
        return (root / path).exists()

    return ResourceFacts(
        cgroup_v2=False,
        memory=has("memory/memory.limit_in_bytes"),
        swap=has("memory/memory.memsw.limit_in_bytes"),
        memory_reservation=has("memory/memory.soft_limit_in_bytes"),
        oom_kill_disable=has("memory/memory.oom_control"),
        swappiness=has("memory/memory.swappiness"),
        cpu_shares=has("cpu/cpu.shares"),
        cpu_cfs=has("cpu/cpu.cfs_quota_us"),
        cpu_realtime=has("cpu/cpu.rt_runtime_us"),
        cpuset=has("cpuset/cpuset.cpus"),
        pids=has("pids"),
        blkio_weight=has("blkio/blkio.weight") or has("blkio/blkio.bfq.weight"),
        blkio_throttle=has("blkio/blkio.throttle.read_bps_device"),
        cpus=processors,
        cpu_list=_list(root / "cpuset/cpuset.cpus", "/sys/devices/system/cpu/online"),
        memory_nodes=_list(root / "cpuset/cpuset.mems", "/sys/devices/system/node/online"),
    )


def _list(first: Path, second: str) -> str:
    for path in (first, Path(second)):
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text:
            return text
    return "0"
