"""Limits as OCI has them, without what the host lacks."""

from __future__ import annotations

from typing import Any

import pytest

from pogu.engine.model import HostConfig, ThrottleDevice, WeightDevice
from pogu.engine.runtime import HostFacts, oci_resources
from pogu.errors import InvalidArgument

EVERY = frozenset("memory cpu cpuset pids io".split())
V2 = HostFacts(cgroup_version=2, controllers=EVERY)
V1 = HostFacts(cgroup_version=1, controllers=EVERY)


def resources(host: HostFacts = V1, **wanted: Any) -> dict[str, Any]:
    return oci_resources(HostConfig(**wanted), host)


def test_nothing_asked_is_nothing_set() -> None:
    assert resources() == {}


def test_cpus_are_a_quota() -> None:
    assert resources(nano_cpus=1_500_000_000) == {"cpu": {"period": 100_000, "quota": 150_000}}
    assert resources(cpu_period=50_000, cpu_quota=25_000, cpu_shares=512, cpuset_cpus="0-1", cpuset_mems="0") == {
        "cpu": {"period": 50_000, "quota": 25_000, "shares": 512, "cpus": "0-1", "mems": "0"}
    }


def test_memory() -> None:
    assert resources(memory=1 << 20, memory_swap=2 << 20, memory_reservation=1 << 19) == {
        "memory": {"limit": 1 << 20, "swap": 2 << 20, "reservation": 1 << 19}
    }
    assert resources(memory=1 << 20, memory_swap=-1)["memory"]["swap"] == -1
    assert resources(memory_swap=-1) == {}
    no_swap = HostFacts(controllers=EVERY, swap_limit=False)
    assert resources(no_swap, memory=1 << 20, memory_swap=2 << 20) == {"memory": {"limit": 1 << 20}}


def test_what_only_version_1_has() -> None:
    wanted = {"memory": 1 << 20, "memory_swappiness": 10, "oom_kill_disable": True}
    assert resources(V1, **wanted)["memory"] == {"limit": 1 << 20, "swappiness": 10, "disableOOMKiller": True}
    assert resources(V2, **wanted)["memory"] == {"limit": 1 << 20}


@pytest.mark.parametrize("asked, limit", [(10, 10), (0, -1), (-1, -1)])
def test_pids(asked: int, limit: int) -> None:
    assert resources(pids_limit=asked) == {"pids": {"limit": limit}}


def test_block_devices() -> None:
    found = resources(
        blkio_weight=300,
        blkio_weight_device=[WeightDevice(path="/dev/null", weight=200)],
        blkio_device_read_bps=[ThrottleDevice(path="/dev/zero", rate=1000)],
        blkio_device_write_iops=[ThrottleDevice(path="/dev/full", rate=7)],
    )
    assert found["blockIO"] == {
        "weight": 300,
        "weightDevice": [{"major": 1, "minor": 3, "weight": 200}],
        "throttleReadBpsDevice": [{"major": 1, "minor": 5, "rate": 1000}],
        "throttleWriteIOPSDevice": [{"major": 1, "minor": 7, "rate": 7}],
    }
    with pytest.raises(InvalidArgument, match="stat /dev/nope"):
        resources(blkio_device_read_bps=[ThrottleDevice(path="/dev/nope", rate=1)])


def test_what_the_host_lacks_is_left_out() -> None:
    bare = HostFacts(controllers=frozenset())
    assert resources(bare, memory=1 << 20, nano_cpus=10**9, cpuset_cpus="0", pids_limit=5, blkio_weight=100) == {}
