"""A container's counters, from its cgroup (version 1 or 2) as `stats` shows them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from pogu.linux.cgroups import Cgroup, hierarchy

_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")  # nanoseconds


BLKIO_NAMES = (
    "io_service_bytes_recursive io_serviced_recursive io_queue_recursive io_service_time_recursive "
    "io_wait_time_recursive io_merged_recursive io_time_recursive sectors_recursive"
).split()
BlockIO = dict[str, list[dict[str, Any]] | None]


@dataclass(slots=True)
class Counters:
    """What a container has used since it was started. Times are nanoseconds, sizes bytes; None is not known here."""

    cpu_total: int = 0
    cpu_user: int = 0
    cpu_kernel: int = 0
    cpu_each: list[int] | None = None  # by processor; version 1 alone
    cpu_periods: int = 0
    cpu_throttled_periods: int = 0
    cpu_throttled_time: int = 0
    memory_usage: int = 0
    memory_peak: int | None = None
    memory_limit: int = 0  # the host's memory where there is no limit
    memory_failures: int | None = None
    memory_stats: dict[str, int] = field(default_factory=dict)  # memory.stat
    pids: int = 0
    pids_limit: int | None = None
    # by Docker's names, of the devices: {"major", "minor", "op", "value"}; `op` is as the kernel spells it
    blkio: BlockIO = field(default_factory=lambda: dict.fromkeys(BLKIO_NAMES))


def read_counters(cgroup: Cgroup) -> Counters:
    """Return the counters of a running container; all zero when its cgroup is gone. Reads about ten small files."""
    found = Counters()
    if hierarchy().version == 2:
        _cpu_v2(cgroup, found)
        _memory_v2(cgroup, found)
        found.blkio |= _io_v2(cgroup)
    else:
        _cpu_v1(cgroup, found)
        _memory_v1(cgroup, found)
        found.blkio |= {name: _io_v1(cgroup, name) for name in BLKIO_NAMES}
    found.pids = _number(cgroup.read("pids", "pids.current"))
    found.pids_limit = _number(cgroup.read("pids", "pids.max")) or None
    return found


def host_memory() -> int:
    """Return the host's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cpu_v2(cgroup: Cgroup, found: Counters) -> None:
    stat = cgroup.counters("cpu", "cpu.stat")
    found.cpu_total = stat.get("usage_usec", 0) * 1000
    found.cpu_user = stat.get("user_usec", 0) * 1000
    found.cpu_kernel = stat.get("system_usec", 0) * 1000
    found.cpu_periods = stat.get("nr_periods", 0)
    found.cpu_throttled_periods = stat.get("nr_throttled", 0)
    found.cpu_throttled_time = stat.get("throttled_usec", 0) * 1000


def _cpu_v1(cgroup: Cgroup, found: Counters) -> None:
    found.cpu_total = _number(cgroup.read("cpuacct", "cpuacct.usage"))
    ticks = cgroup.counters("cpuacct", "cpuacct.stat")
    found.cpu_user = ticks.get("user", 0) * _TICK
    found.cpu_kernel = ticks.get("system", 0) * _TICK
    found.cpu_each = [int(v) for v in (cgroup.read("cpuacct", "cpuacct.usage_percpu") or "").split()] or None
    stat = cgroup.counters("cpu", "cpu.stat")
    found.cpu_periods = stat.get("nr_periods", 0)
    found.cpu_throttled_periods = stat.get("nr_throttled", 0)
    found.cpu_throttled_time = stat.get("throttled_time", 0)


def _memory_v2(cgroup: Cgroup, found: Counters) -> None:
    found.memory_usage = _number(cgroup.read("memory", "memory.current"))
    found.memory_limit = _limit(_number(cgroup.read("memory", "memory.max")))
    found.memory_stats = cgroup.counters("memory", "memory.stat")


def _memory_v1(cgroup: Cgroup, found: Counters) -> None:
    found.memory_usage = _number(cgroup.read("memory", "memory.usage_in_bytes"))
    found.memory_peak = _number(cgroup.read("memory", "memory.max_usage_in_bytes"))
    found.memory_failures = _number(cgroup.read("memory", "memory.failcnt"))
    found.memory_limit = _limit(_number(cgroup.read("memory", "memory.limit_in_bytes")))
    found.memory_stats = cgroup.counters("memory", "memory.stat")


def _io_v2(cgroup: Cgroup) -> BlockIO:
    """Read io.stat: `8:0 rbytes=90430464 wbytes=299008 rios=8950 wios=12 …`."""
    sizes, counts = [], []
    for line in (cgroup.read("io", "io.stat") or "").splitlines():
        device, _, rest = line.partition(" ")
        values = dict(pair.split("=", 1) for pair in rest.split() if "=" in pair)
        for op, size, count in (("read", "rbytes", "rios"), ("write", "wbytes", "wios")):
            sizes.append(_entry(device, op, values.get(size, "0")))
            counts.append(_entry(device, op, values.get(count, "0")))
    return {BLKIO_NAMES[0]: sizes, BLKIO_NAMES[1]: counts}


def _io_v1(cgroup: Cgroup, name: str) -> list[dict[str, Any]]:
    """Read `8:0 Read 4096` lines of the first file that the I/O scheduler in use fills."""
    for prefix in ("", "bfq.", "throttle."):
        lines = (cgroup.read("blkio", f"blkio.{prefix}{name}") or "").splitlines()
        # the last line is a total without a device
        entries = [_entry(*fields) for line in lines if len(fields := line.split()) == 3]
        if entries:
            return entries
    return []


def _entry(device: str, op: str, value: str) -> dict[str, Any]:
    major, _, minor = device.partition(":")
    return {"major": int(major), "minor": int(minor), "op": op, "value": int(value)}


def _number(text: str | None) -> int:
    value = (text or "").strip()
    return int(value) if value.isdigit() else 0


def _limit(value: int) -> int:
    """The host's memory stands for no limit, which version 1 writes as the largest number of whole pages."""
    memory = host_memory()
    return memory if value == 0 or value > memory else value
