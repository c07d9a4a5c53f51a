"""What this host and this daemon can do, as far as the configuration of containers depends on it."""

from __future__ import annotations

import os
import platform
import re
import resource
from dataclasses import dataclass, field
from pathlib import Path

from pogu.engine.runtime import capabilities
from pogu.linux import cgroups

RLIMITS: dict[str, int] = {
    name.removeprefix("RLIMIT_").lower(): getattr(resource, name) for name in dir(resource) if name[:7] == "RLIMIT_"
}
INIT_PROGRAMS = ("/usr/bin/catatonit", "/usr/libexec/podman/catatonit", "/usr/bin/docker-init", "/usr/bin/tini-static")


@dataclass(frozen=True, slots=True)
class HostFacts:
    """Read once (`read_host`); every field can be given in tests."""

    capabilities: frozenset[str] = frozenset()  # the daemon's own
    machine: str = "x86_64"  # uname -m
    kernel: tuple[int, int] = (6, 1)
    cgroup_version: int = 2
    controllers: frozenset[str] = frozenset()
    swap_limit: bool = True  # whether memory plus swap can be limited
    blkio_weight: bool = True
    hard_limits: dict[str, int] = field(default_factory=dict)  # of the daemon, by rlimit name; -1 is unlimited
    oom_score_adj: int = 0  # of the daemon
    processors: int = 1
    sysctls: frozenset[str] = frozenset()  # of the ones set by default, those that this kernel has
    apparmor: bool = False  # whether profiles can be applied
    init: str = ""  # path of a program that can be a container's init

    @property
    def may_raise(self) -> bool:
        """Whether limits and priorities may be raised above the daemon's own."""
        return "CAP_SYS_RESOURCE" in self.capabilities


def read_host(init: str = "") -> HostFacts:
    """Return the facts of this host; `init` is a configured path that comes before the known ones."""
    status = Path("/proc/self/status").read_text()
    mask = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    candidates = [c for c in (init, *INIT_PROGRAMS) if c and os.access(c, os.X_OK)]
    hierarchy = cgroups.hierarchy()
    return HostFacts(
        capabilities=capabilities.from_mask(int(mask[1], 16)) if mask else frozenset(),
        machine=platform.machine(),
        kernel=(int(release[1]), int(release[2])) if release else (0, 0),
        cgroup_version=hierarchy.version,
        controllers=frozenset(hierarchy.available()),
        swap_limit=_has_swap_limit(hierarchy),
        blkio_weight=_has_blkio_weight(hierarchy),
        hard_limits={name: resource.getrlimit(number)[1] for name, number in RLIMITS.items()},
        oom_score_adj=int(Path("/proc/self/oom_score_adj").read_text()),
        processors=os.cpu_count() or 1,
        sysctls=frozenset(s for s in DEFAULT_SYSCTLS if Path("/proc/sys", *s.split(".")).exists()),
        apparmor=_has_apparmor(),
        init=candidates[0] if candidates else "",
    )


# In a network namespace of its own a container may open any port and send pings without further rights.
DEFAULT_SYSCTLS = {"net.ipv4.ping_group_range": "0 2147483647", "net.ipv4.ip_unprivileged_port_start": "0"}


def _has_apparmor() -> bool:
    try:
        return Path("/sys/module/apparmor/parameters/enabled").read_text().startswith("Y")
    except OSError:
        return False


def _has_swap_limit(hierarchy: cgroups.Hierarchy) -> bool:
    if hierarchy.version == 2:
        own = cgroups.path_of(os.getpid(), "")
        return own == "/" or (
            hierarchy.unified is not None and (Path(f"{hierarchy.unified}{own}/memory.swap.max")).exists()
        )
    memory = hierarchy.controllers.get("memory")
    return memory is not None and (memory / "memory.memsw.limit_in_bytes").exists()


def _has_blkio_weight(hierarchy: cgroups.Hierarchy) -> bool:
    """The root group has no weight file, so the schedulers' own names are looked for in any group."""
    if hierarchy.version == 2:
        return "io" in hierarchy.available()
    blkio = hierarchy.controllers.get("blkio")
    return blkio is not None and any((d / name).exists() for d in (blkio, *blkio.iterdir()) for name in _WEIGHTS)


_WEIGHTS = ("blkio.weight", "blkio.bfq.weight")
