"""Checks of limits, in dockerd's words."""

from __future__ import annotations

import pytest

from pogu.engine.containers.create.resources import ResourceFacts, check_resources, parse_list
from pogu.engine.model import HostConfig, ThrottleDevice
from pogu.errors import InvalidArgument

FACTS = ResourceFacts(cpus=2, cpu_list="0-1", memory_nodes="0")
NOTHING = ResourceFacts(
    memory=False, swap=False, memory_reservation=False, oom_kill_disable=False, swappiness=False, cpu_shares=False,
    cpu_cfs=False, cpuset=False, pids=False, blkio_weight=False, blkio_throttle=False,
)  # fmt: skip
MB = 1 << 20


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (HostConfig(memory=5 * MB), "Minimum memory limit allowed is 6MB"),
        (
            HostConfig(memory=32 * MB, memory_swap=16 * MB),
            "Minimum memoryswap limit should be larger than memory limit, see usage",
        ),
        (
            HostConfig(memory_swap=16 * MB),
            "You should always set the Memory limit when using Memoryswap limit, see usage",
        ),
        (HostConfig(memory_swappiness=101), "Invalid value: 101, valid memory swappiness range is 0-100"),
        (HostConfig(memory_reservation=MB), "Minimum memory reservation allowed is 6MB"),
        (
            HostConfig(memory=8 * MB, memory_reservation=16 * MB),
            "Minimum memory limit can not be less than memory reservation limit, see usage",
        ),
        (
            HostConfig(nano_cpus=3 * 10**9),
            "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available",
        ),
        (HostConfig(nano_cpus=-1), "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"),
        (
            HostConfig(nano_cpus=1, cpu_period=1),
            "Conflicting options: Nano CPUs and CPU Period cannot both be set",
        ),
        (HostConfig(nano_cpus=1, cpu_quota=1), "Conflicting options: Nano CPUs and CPU Quota cannot both be set"),
        (HostConfig(cpu_shares=-1), "invalid CPU shares (-1): value must be a positive integer"),
        (
            HostConfig(cpu_period=999),
            "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
        ),
        (HostConfig(cpu_quota=999), "CPU cfs quota can not be less than 1ms (i.e. 1000)"),
        (HostConfig(cpu_realtime_runtime=1), "Your kernel does not support CPU real-time scheduler"),
        (HostConfig(cpuset_cpus="a"), "Invalid value a for cpuset cpus: invalid format: a"),
        (HostConfig(cpuset_cpus="1-0"), "Invalid value 1-0 for cpuset cpus: invalid format: 1-0"),
        (HostConfig(cpuset_cpus="0-9999999"), "Invalid value 0-9999999 for cpuset cpus: invalid format: 0-9999999"),
        (HostConfig(cpuset_cpus="0,7"), "Requested CPUs are not available - requested 0,7, available: 0-1"),
        (HostConfig(cpuset_mems="1"), "Requested memory nodes are not available - requested 1, available: 0"),
        (HostConfig(blkio_weight=9), "Range of blkio weight is from 10 to 1000"),
        (
            HostConfig(io_maximum_iops=1),
            "Invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps",
        ),
    ],
)
def test_refusals(host: HostConfig, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_resources(host, FACTS)
    assert caught.value.message == message


def test_what_the_host_cannot_do_is_discarded_and_told() -> None:
    host = HostConfig(
        memory=8 * MB, memory_reservation=8 * MB, memory_swappiness=5, oom_kill_disable=True, pids_limit=5,
        cpu_shares=5,
        cpu_quota=5000, cpuset_cpus="0", blkio_weight=50, blkio_device_read_bps=[ThrottleDevice(path="/dev/x", rate=1)],
    )  # fmt: skip
    warnings = check_resources(host, NOTHING)
    assert len(warnings) == 10
    assert warnings[0] == (
        "Your kernel does not support memory limit capabilities or the cgroup is not mounted. Limitation discarded."
    )
    assert not any((host.memory, host.memory_reservation, host.pids_limit, host.cpu_shares, host.cpu_quota))
    assert host.blkio_device_read_bps == []


def test_warnings() -> None:
    assert check_resources(HostConfig(oom_kill_disable=True), FACTS) == [
        "OOM killer is disabled for the container, but no memory limit is set, "
        "this can result in the system running out of resources."
    ]
    host = HostConfig(memory=8 * MB)
    swapless = ResourceFacts(swap=False)
    assert check_resources(host, swapless)[0].endswith("Memory limited without swap.")
    assert host.memory_swap == -1


def test_fine() -> None:
    host = HostConfig(memory=8 * MB, memory_swap=-1, nano_cpus=2 * 10**9, cpuset_cpus="0-1", memory_swappiness=-1)
    assert check_resources(host, FACTS) == []
    assert host.memory_swappiness is None


@pytest.mark.parametrize(
    ("text", "numbers"), [("", set()), ("0", {0}), ("0-2,5", {0, 1, 2, 5}), ("x", None), ("1-", None), ("-1", None)]
)
def test_lists(text: str, numbers: set[int] | None) -> None:
    assert parse_list(text) == numbers
