"""Counters from the files of both cgroup versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from pogu.engine.runtime import stats
from pogu.engine.runtime.stats import BLKIO_NAMES, host_memory, read_counters
from pogu.linux.cgroups import Cgroup, Hierarchy

V2 = {
    "cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 4\nnr_throttled 2\nthrottled_usec 9\n",
    "memory.current": "4096\n",
    "memory.max": "max\n",
    "memory.stat": "anon 1\ninactive_file 2\n",
    "pids.current": "3\n",
    "pids.max": "max\n",
    "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n7:1 rbytes=5\n",
}
V1 = {
    "cpuacct.usage": "1500000\n",
    "cpuacct.stat": "user 1\nsystem 2\n",
    "cpuacct.usage_percpu": "1000000 500000 \n",
    "cpu.stat": "nr_periods 4\nnr_throttled 2\nthrottled_time 9\n",
    "memory.usage_in_bytes": "4096\n",
    "memory.max_usage_in_bytes": "8192\n",
    "memory.failcnt": "7\n",
    "memory.limit_in_bytes": "9223372036854771712\n",
    "memory.stat": "cache 1\ntotal_inactive_file 2\n",
    "pids.current": "3\n",
    "pids.max": "20\n",
    "blkio.throttle.io_service_bytes_recursive": "8:0 Read 10\n8:0 Write 20\nTotal 30\n",
}


def group_of(directory: Path, files: dict[str, str], version: int, monkeypatch: pytest.MonkeyPatch) -> Cgroup:
    for name, text in files.items():
        (directory / name).write_text(text)
    controllers = dict.fromkeys(("cpu", "cpuacct", "memory", "pids", "blkio"), directory) if version == 1 else {}
    hierarchy = Hierarchy(controllers, directory)
    monkeypatch.setattr(stats, "hierarchy", lambda: hierarchy)
    group = Cgroup("/")
    group._hierarchy = hierarchy
    return group


def test_version_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_counters(group_of(tmp_path, V2, 2, monkeypatch))
    assert (found.cpu_total, found.cpu_user, found.cpu_kernel) == (1_500_000, 1_000_000, 500_000)
    assert (found.cpu_periods, found.cpu_throttled_periods, found.cpu_throttled_time) == (4, 2, 9000)
    assert (found.memory_usage, found.memory_limit) == (4096, host_memory())
    assert found.memory_stats == {"anon": 1, "inactive_file": 2}
    assert (found.memory_peak, found.memory_failures, found.cpu_each) == (None, None, None)
    assert (found.pids, found.pids_limit) == (3, None)
    assert found.blkio["io_service_bytes_recursive"] == [
        {"major": 8, "minor": 0, "op": "read", "value": 10},
        {"major": 8, "minor": 0, "op": "write", "value": 20},
        {"major": 7, "minor": 1, "op": "read", "value": 5},
        {"major": 7, "minor": 1, "op": "write", "value": 0},
    ]
    assert found.blkio["io_queue_recursive"] is None


def test_version_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_counters(group_of(tmp_path, V1, 1, monkeypatch))
    assert (found.cpu_total, found.cpu_each) == (1_500_000, [1_000_000, 500_000])
    assert found.cpu_kernel == 2 * found.cpu_user > 0
    assert (found.memory_peak, found.memory_failures, found.memory_limit) == (8192, 7, host_memory())
    assert found.memory_stats["total_inactive_file"] == 2
    assert found.pids_limit == 20
    assert found.blkio["io_service_bytes_recursive"] == [
        {"major": 8, "minor": 0, "op": "Read", "value": 10},
        {"major": 8, "minor": 0, "op": "Write", "value": 20},
    ]
    assert found.blkio["io_serviced_recursive"] == []


def test_a_group_that_is_gone_counts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_counters(group_of(tmp_path, {}, 2, monkeypatch))
    assert (found.cpu_total, found.memory_usage, found.pids) == (0, 0, 0)
    assert list(found.blkio) == BLKIO_NAMES
