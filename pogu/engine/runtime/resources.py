"""Limits: HostConfig's fields as OCI `linux.resources`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pogu.engine.model import HostConfig, ThrottleDevice, WeightDevice
from pogu.engine.runtime import devices
from pogu.engine.runtime.host import HostFacts

Json = dict[str, Any]

CFS_PERIOD = 100_000  # microseconds; the kernel's default


def oci_resources(wanted: HostConfig, host: HostFacts) -> Json:
    """Return memory, CPU, pids and block I/O limits; what this host's cgroups lack is left out.

    Raises InvalidArgument for a device that does not exist.
    """
    found: Json = {}
    if memory := _memory(wanted, host):
        found["memory"] = memory
    if cpu := _cpu(wanted, host):
        found["cpu"] = cpu
    if wanted.pids_limit is not None and "pids" in host.controllers:
        found["pids"] = {"limit": wanted.pids_limit if wanted.pids_limit > 0 else -1}
    if blkio := _blkio(wanted, host):
        found["blockIO"] = blkio
    return found


def _memory(wanted: HostConfig, host: HostFacts) -> Json:
    if "memory" not in host.controllers:
        return {}
    found: Json = {}
    if wanted.memory:
        found["limit"] = wanted.memory
    if wanted.memory_reservation:
        found["reservation"] = wanted.memory_reservation
    if wanted.memory_swap and host.swap_limit and (wanted.memory_swap > 0 or wanted.memory):
        found["swap"] = wanted.memory_swap
    if host.cgroup_version == 1:  # version 2 has neither
        if wanted.memory_swappiness is not None and wanted.memory_swappiness >= 0:
            found["swappiness"] = wanted.memory_swappiness
        if wanted.oom_kill_disable:
            found["disableOOMKiller"] = True
    return found


def _cpu(wanted: HostConfig, host: HostFacts) -> Json:
    found: Json = {}
    if "cpu" in host.controllers:
        if wanted.cpu_shares:
            found["shares"] = wanted.cpu_shares
        if wanted.nano_cpus and wanted.nano_cpus > 0:
            found["period"], found["quota"] = CFS_PERIOD, wanted.nano_cpus * CFS_PERIOD // 1_000_000_000
        if wanted.cpu_period:
            found["period"] = wanted.cpu_period
        if wanted.cpu_quota:
            found["quota"] = wanted.cpu_quota
        if host.cgroup_version == 1 and wanted.cpu_realtime_period:
            found["realtimePeriod"] = wanted.cpu_realtime_period
        if host.cgroup_version == 1 and wanted.cpu_realtime_runtime:
            found["realtimeRuntime"] = wanted.cpu_realtime_runtime
    if "cpuset" in host.controllers:
        if wanted.cpuset_cpus:
            found["cpus"] = wanted.cpuset_cpus
        if wanted.cpuset_mems:
            found["mems"] = wanted.cpuset_mems
    return found


def _blkio(wanted: HostConfig, host: HostFacts) -> Json:
    if "io" not in host.controllers:
        return {}
    found: Json = {}
    if wanted.blkio_weight and host.blkio_weight:
        found["weight"] = wanted.blkio_weight
    if wanted.blkio_weight_device and host.blkio_weight:
        found["weightDevice"] = [_weight(d) for d in wanted.blkio_weight_device]
    for name, entries in (
        ("throttleReadBpsDevice", wanted.blkio_device_read_bps),
        ("throttleWriteBpsDevice", wanted.blkio_device_write_bps),
        ("throttleReadIOPSDevice", wanted.blkio_device_read_iops),
        ("throttleWriteIOPSDevice", wanted.blkio_device_write_iops),
    ):
        if entries:
            found[name] = _throttles(entries)
    return found


def _weight(device: WeightDevice) -> Json:
    major, minor = devices.number(device.path)
    return {"major": major, "minor": minor, "weight": device.weight}


def _throttles(entries: Iterable[ThrottleDevice]) -> list[Json]:
    found = []
    for entry in entries:
        major, minor = devices.number(entry.path)
        found.append({"major": major, "minor": minor, "rate": entry.rate})
    return found
