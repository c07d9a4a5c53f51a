"""Applies OCI `linux.resources` to a running container's cgroup, version 1 or 2.

The runtimes' own `update` differs between them and their versions; the files are the kernel's and do not.
"""

from __future__ import annotations

from typing import Any

from pogu.errors import PoguError
from pogu.linux.cgroups import Cgroup, hierarchy

Json = dict[str, Any]


def apply_limits(cgroup: Cgroup, resources: Json) -> None:
    """Write the limits that `resources` has; blocks. -1 stands for no limit.

    Raises PoguError with the kernel's reason and the name of the limit.
    """
    version = hierarchy().version
    try:
        _cpu(cgroup, resources.get("cpu") or {}, version)
        _memory(cgroup, resources.get("memory") or {}, version)
        if "limit" in (pids := resources.get("pids") or {}):
            cgroup.write("pids", "pids.max", _or_max(pids["limit"]))
        _blkio(cgroup, resources.get("blockIO") or {}, version)
    except OSError as e:
        name = str(e.filename or e).rpartition("/")[2]
        raise PoguError(f"cannot set {name}: {e.strerror or e}") from e


def _cpu(cgroup: Cgroup, cpu: Json, version: int) -> None:
    shares, period, quota = cpu.get("shares"), cpu.get("period"), cpu.get("quota")
    if version == 2:
        if shares:
            cgroup.write("cpu", "cpu.weight", weight_of_shares(shares))
        if period or quota:
            old = (cgroup.read("cpu", "cpu.max") or "max 100000").split()
            limit = old[0] if not quota else "max" if quota < 0 else str(quota)
            cgroup.write("cpu", "cpu.max", f"{limit} {period or old[1]}")
    else:
        if shares:
            cgroup.write("cpu", "cpu.shares", shares)
        _cpu_quota_v1(cgroup, period, quota)
    for key in ("cpus", "mems"):
        if cpu.get(key):
            cgroup.write("cpuset", f"cpuset.{key}", cpu[key])


def _cpu_quota_v1(cgroup: Cgroup, period: int | None, quota: int | None) -> None:
    """Set period and quota in the order that keeps their ratio below the parent's on the way."""
    if period:
        try:
            cgroup.write("cpu", "cpu.cfs_period_us", period)
            period = None
        except OSError:
            if not quota:
                raise
    if quota:
        cgroup.write("cpu", "cpu.cfs_quota_us", quota)
    if period:
        cgroup.write("cpu", "cpu.cfs_period_us", period)


def _memory(cgroup: Cgroup, memory: Json, version: int) -> None:
    limit, swap, reservation = memory.get("limit"), memory.get("swap"), memory.get("reservation")
    if version == 2:
        if swap is not None and limit is not None:
            cgroup.write("memory", "memory.swap.max", "max" if swap < 0 else max(swap - limit, 0))
        elif swap == -1:
            cgroup.write("memory", "memory.swap.max", "max")
        if limit is not None:
            cgroup.write("memory", "memory.max", _or_max(limit))
        if reservation is not None:
            cgroup.write("memory", "memory.low", max(reservation, 0))
        return
    _memory_limit_v1(cgroup, limit, swap)
    if reservation is not None:
        cgroup.write("memory", "memory.soft_limit_in_bytes", reservation)
    if memory.get("swappiness") is not None:
        cgroup.write("memory", "memory.swappiness", memory["swappiness"])
    if memory.get("disableOOMKiller") is not None:
        cgroup.write("memory", "memory.oom_control", int(memory["disableOOMKiller"]))


def _memory_limit_v1(cgroup: Cgroup, limit: int | None, swap: int | None) -> None:
    """Memory may never exceed memory plus swap, so the larger of the two goes first when they grow."""
    if swap is None or not _has_swap_limit(cgroup):
        if limit is not None:
            cgroup.write("memory", "memory.limit_in_bytes", limit)
        return
    writes = [("memory.limit_in_bytes", limit), ("memory.memsw.limit_in_bytes", swap)]
    now = int(cgroup.read("memory", "memory.memsw.limit_in_bytes") or 0)
    if limit is not None and (limit < 0 or limit > now):
        writes.reverse()
    for name, value in writes:
        if value is not None:
            cgroup.write("memory", name, value)


def _has_swap_limit(cgroup: Cgroup) -> bool:
    return cgroup.read("memory", "memory.memsw.limit_in_bytes") is not None


def _blkio(cgroup: Cgroup, blkio: Json, version: int) -> None:
    if weight := blkio.get("weight"):
        if version == 2:
            cgroup.write("io", "io.weight", f"default {weight_of_blkio(weight)}")
        else:
            name = "blkio.weight" if cgroup.read("blkio", "blkio.weight") else "blkio.bfq.weight"  # by I/O scheduler
            cgroup.write("blkio", name, weight)


def _or_max(value: int) -> str:
    return "max" if value <= 0 else str(value)


def weight_of_shares(shares: int) -> int:
    """Convert version 1 CPU shares (2 to 262144) to a version 2 weight (1 to 10000), as the OCI runtimes do."""
    return 0 if shares == 0 else 1 + (max(shares, 2) - 2) * 9999 // 262142


def weight_of_blkio(weight: int) -> int:
    """Convert a version 1 block I/O weight (10 to 1000) to a version 2 one (1 to 10000), as the OCI runtimes do."""
    return 0 if weight == 0 else 1 + (weight - 10) * 9999 // 990
