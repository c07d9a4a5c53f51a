"""Limits written to a group's files, in an order that the kernel takes."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.engine.runtime.limits import apply_limits, weight_of_blkio, weight_of_shares
from pogu.errors import PoguError
from pogu.linux import cgroups
from pogu.linux.cgroups import Cgroup, Hierarchy


@pytest.fixture
def group() -> Iterator[Cgroup]:
    cgroups.prepare_host()
    found = Cgroup(f"/pogu-test-{secrets.token_hex(4)}")
    for directory in found.directories():
        directory.mkdir()
    yield found
    found.remove()


def memory_of(group: Cgroup) -> tuple[int, int]:
    if cgroups.hierarchy().version == 1:
        names = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")
        limit, swap = (int(group.read("memory", name) or 0) for name in names)
        return limit, swap
    limit, swap = (int(group.read("memory", f"memory.{name}.max".replace("..", ".")) or 0) for name in ("", "swap"))
    return limit, limit + swap


@pytest.mark.parametrize("limits", [[(64, 128), (256, 512), (32, 64)], [(512, 512), (16, 16), (64, 1024)]])
def test_memory_grows_and_shrinks(group: Cgroup, limits: list[tuple[int, int]]) -> None:
    for limit, swap in limits:
        apply_limits(group, {"memory": {"limit": limit << 20, "swap": swap << 20}})
        assert memory_of(group) == (limit << 20, swap << 20)


def test_limits_can_be_taken_away(group: Cgroup) -> None:
    apply_limits(group, {"memory": {"limit": 64 << 20, "swap": 64 << 20}, "pids": {"limit": 5}})
    apply_limits(group, {"memory": {"limit": -1, "swap": -1}, "pids": {"limit": -1}})
    assert (group.read("pids", "pids.max") or "").strip() == "max"


def test_the_kernels_refusal_is_told(group: Cgroup) -> None:
    with pytest.raises(PoguError, match=r"cannot set cpuset\.cpus: "):
        apply_limits(group, {"cpu": {"cpus": "4000"}})


def test_a_quota_and_period_are_set_together(group: Cgroup) -> None:
    for quota, period in ((50_000, 100_000), (900_000, 1_000_000), (1_000, 1_000), (-1, 100_000)):
        apply_limits(group, {"cpu": {"quota": quota, "period": period}})
    apply_limits(group, {"cpu": {"shares": 512}})


def test_version_2_files(tmp_path: Path) -> None:
    """The shape of a version 2 host, in plain files."""
    for name in "cpu.max cpu.weight memory.max memory.swap.max memory.low pids.max io.weight cpuset.cpus".split():
        (tmp_path / name).write_text("max 100000" if name == "cpu.max" else "")
    group = Cgroup("/")
    group._hierarchy = Hierarchy({}, tmp_path)
    from pogu.engine.runtime import limits

    limits._cpu(group, {"shares": 1024, "quota": 50_000, "cpus": "0"}, 2)
    limits._memory(group, {"limit": 100, "swap": 300, "reservation": 50}, 2)
    limits._blkio(group, {"weight": 500}, 2)
    read = {p.name: p.read_text() for p in tmp_path.iterdir()}
    assert read["cpu.max"] == "50000 100000"
    assert read["cpu.weight"] == "39"
    assert (read["memory.max"], read["memory.swap.max"], read["memory.low"]) == ("100", "200", "50")
    assert read["io.weight"] == "default 4950"
    assert read["cpuset.cpus"] == "0"


def test_weights_have_the_runtimes_scale() -> None:
    assert [weight_of_shares(n) for n in (0, 2, 1024, 262144)] == [0, 1, 39, 10000]
    assert [weight_of_blkio(n) for n in (0, 10, 1000)] == [0, 1, 10000]
