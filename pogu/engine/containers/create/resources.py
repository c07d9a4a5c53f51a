"""Checks of resource limits against what this host's cgroups can do, in dockerd's order and words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pogu.engine.model import HostConfig
from pogu.errors import InvalidArgument

MINIMUM_MEMORY = 6 << 20  # bytes: below this a container's init cannot start
UNSUPPORTED = "Your kernel does not support {} or the cgroup is not mounted. {}"


@dataclass(frozen=True, slots=True)
class ResourceFacts:
    """What the host's cgroups support, and its processors and memory nodes as lists (`0-3,5`)."""

    cgroup_v2: bool = False
    memory: bool = True
    swap: bool = True
    memory_reservation: bool = True
    oom_kill_disable: bool = True
    swappiness: bool = True
    cpu_shares: bool = True
    cpu_cfs: bool = True
    cpu_realtime: bool = False
    cpuset: bool = True
    pids: bool = True
    blkio_weight: bool = True
    blkio_throttle: bool = True
    cpus: int = 1
    cpu_list: str = "0"
    memory_nodes: str = "0"


def check_resources(host: HostConfig, facts: ResourceFacts, update: bool = False) -> list[str]:
    """Check the limits; what the host cannot do is taken out of `host` and told in the warnings returned.

    Raises:
        InvalidArgument: a limit is out of range or contradicts another.
    """
    warnings: list[str] = []
    _check_memory(host, facts, update, warnings)
    _check_pids(host, facts, warnings)
    _check_cpu(host, facts, warnings)
    _check_cpuset(host, facts, warnings)
    _check_blkio(host, facts, warnings)
    return warnings


def _check_memory(host: HostConfig, facts: ResourceFacts, update: bool, warnings: list[str]) -> None:
    if host.memory_swappiness == -1:
        host.memory_swappiness = None
    if host.memory and host.memory < MINIMUM_MEMORY:
        raise InvalidArgument("Minimum memory limit allowed is 6MB")
    if host.memory and not facts.memory:
        warnings.append(UNSUPPORTED.format("memory limit capabilities", "Limitation discarded."))
        host.memory, host.memory_swap = 0, -1
    if host.memory and host.memory_swap != -1 and not facts.swap:
        warnings.append(UNSUPPORTED.format("swap limit capabilities", "Memory limited without swap."))
        host.memory_swap = -1
    memory, swap = host.memory or 0, host.memory_swap or 0
    if memory > 0 and 0 < swap < memory:
        raise InvalidArgument("Minimum memoryswap limit should be larger than memory limit, see usage")
    if memory == 0 and swap > 0 and not update:
        raise InvalidArgument("You should always set the Memory limit when using Memoryswap limit, see usage")
    _check_swappiness(host, facts, warnings)
    _check_reservation(host, facts, warnings)
    _check_oom(host, facts, warnings)


def _check_swappiness(host: HostConfig, facts: ResourceFacts, warnings: list[str]) -> None:
    value = host.memory_swappiness
    if value is None:
        return
    if not facts.swappiness:
        warnings.append(UNSUPPORTED.format("memory swappiness capabilities", "Memory swappiness discarded."))
        host.memory_swappiness = None
    elif not 0 <= value <= 100:
        raise InvalidArgument(f"Invalid value: {value}, valid memory swappiness range is 0-100")


def _check_reservation(host: HostConfig, facts: ResourceFacts, warnings: list[str]) -> None:
    reservation = host.memory_reservation or 0
    if reservation > 0 and not facts.memory_reservation:
        warnings.append(UNSUPPORTED.format("memory soft limit capabilities", "Limitation discarded."))
        host.memory_reservation = reservation = 0
    if 0 < reservation < MINIMUM_MEMORY:
        raise InvalidArgument("Minimum memory reservation allowed is 6MB")
    if 0 < (host.memory or 0) < reservation:
        raise InvalidArgument("Minimum memory limit can not be less than memory reservation limit, see usage")


def _check_oom(host: HostConfig, facts: ResourceFacts, warnings: list[str]) -> None:
    if host.oom_kill_disable is not None and not facts.oom_kill_disable:
        if host.oom_kill_disable:
            warnings.append("Your kernel does not support OomKillDisable. OomKillDisable discarded.")
        host.oom_kill_disable = None
    if host.oom_kill_disable and not host.memory:
        warnings.append(
            "OOM killer is disabled for the container, but no memory limit is set, "
            "this can result in the system running out of resources."
        )


def _check_pids(host: HostConfig, facts: ResourceFacts, warnings: list[str]) -> None:
    if host.pids_limit is not None and not facts.pids:
        if host.pids_limit > 0:
            warnings.append(UNSUPPORTED.format("PIDs limit capabilities", "PIDs limit discarded."))
        host.pids_limit = None


def _check_cpu(host: HostConfig, facts: ResourceFacts, warnings: list[str]) -> None:
    nano = host.nano_cpus or 0
    if nano > 0 and (host.cpu_period or 0) > 0:
        raise InvalidArgument("Conflicting options: Nano CPUs and CPU Period cannot both be set")
    if nano > 0 and (host.cpu_quota or 0) > 0:
        raise InvalidArgument("Conflicting options: Nano CPUs and CPU Quota cannot both be set")
    if nano > 0 and not facts.cpu_cfs:
        raise InvalidArgument(
            "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted"
        )
    if nano < 0 or nano > facts.cpus * 1_000_000_000:
        raise InvalidArgument(
            f"range of CPUs is from 0.01 to {facts.cpus}.00, as there are only {facts.cpus} CPUs available"
        )
    if (host.cpu_shares or 0) < 0:
        raise InvalidArgument(f"invalid CPU shares ({host.cpu_shares}): value must be a positive integer")
    if host.cpu_shares and not facts.cpu_shares:
        warnings.append(UNSUPPORTED.format("CPU shares", "Shares discarded."))
        host.cpu_shares = 0
    if (host.cpu_period or host.cpu_quota) and not facts.cpu_cfs:
        warnings.append("Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.")
        host.cpu_period = host.cpu_quota = 0
    if host.cpu_period and not 1000 <= host.cpu_period <= 1_000_000:
        raise InvalidArgument("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
    if 0 < (host.cpu_quota or 0) < 1000:
        raise InvalidArgument("CPU cfs quota can not be less than 1ms (i.e. 1000)")
    if host.cpu_percent:
        warnings.append("linux does not support CPU percent. Percent discarded.")
        host.cpu_percent = 0
    _check_realtime(host, facts)


def _check_realtime(host: HostConfig, facts: ResourceFacts) -> None:
    runtime, period = host.cpu_realtime_runtime or 0, host.cpu_realtime_period or 0
    if (runtime or period) and not facts.cpu_realtime:
        raise InvalidArgument("Your kernel does not support CPU real-time scheduler")
    if runtime and period and runtime > period:
        raise InvalidArgument("cpu real-time runtime cannot be higher than cpu real-time period")


def _check_cpuset(host: HostConfig, facts: ResourceFacts, warnings: list[str]) -> None:
    if (host.cpuset_cpus or host.cpuset_mems) and not facts.cpuset:
        warnings.append(UNSUPPORTED.format("cpuset", "Cpuset discarded."))
        host.cpuset_cpus = host.cpuset_mems = ""
    _check_list(host.cpuset_cpus or "", facts.cpu_list, "cpuset cpus", "CPUs")
    _check_list(host.cpuset_mems or "", facts.memory_nodes, "cpuset mems", "memory nodes")


def _check_list(wanted: str, available: str, name: str, noun: str) -> None:
    numbers = parse_list(wanted)
    if numbers is None:
        raise InvalidArgument(f"Invalid value {wanted} for {name}: invalid format: {wanted}")
    if not numbers <= (parse_list(available) or set()):
        raise InvalidArgument(f"Requested {noun} are not available - requested {wanted}, available: {available}")


def parse_list(text: str) -> set[int] | None:
    """Return the numbers of a list as the kernel writes it (`0-3,5`), None if it is malformed or absurdly long."""
    numbers: set[int] = set()
    for part in text.split(",") if text else []:
        m = re.fullmatch(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", part.strip())
        if not m or int(m[2] or m[1]) < int(m[1]):
            return None
        numbers.update(range(int(m[1]), int(m[2] or m[1]) + 1))
    return numbers


def _check_blkio(host: HostConfig, facts: ResourceFacts, warnings: list[str]) -> None:
    if host.blkio_weight and not facts.blkio_weight:
        warnings.append(UNSUPPORTED.format("Block I/O weight", "Weight discarded."))
        host.blkio_weight = 0
    if host.blkio_weight and not 10 <= host.blkio_weight <= 1000:
        raise InvalidArgument("Range of blkio weight is from 10 to 1000")
    if host.io_maximum_bandwidth or host.io_maximum_iops:
        raise InvalidArgument("Invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps")
    if host.blkio_weight_device and not facts.blkio_weight:
        warnings.append(UNSUPPORTED.format("Block I/O weight_device", "Weight-device discarded."))
        host.blkio_weight_device = []
    for name, kind in (
        ("blkio_device_read_bps", "BPS Block I/O read limit|Block I/O BPS read limit"),
        ("blkio_device_write_bps", "BPS Block I/O write limit|Block I/O BPS write limit"),
        ("blkio_device_read_iops", "IOPS Block read limit|Block I/O IOPS read limit"),
        ("blkio_device_write_iops", "IOPS Block write limit|Block I/O IOPS write limit"),
    ):
        if getattr(host, name) and not facts.blkio_throttle:
            what, short = kind.split("|")
            warnings.append(UNSUPPORTED.format(what, f"{short} discarded."))
            setattr(host, name, [])
