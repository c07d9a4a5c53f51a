"""The kernel: its age, namespaces, seccomp, control groups, limits."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

from pogu.daemon.hostcheck.finding import Finding, found
from pogu.linux import cgroups

_LEAST = (5, 6)  # openat2(2), which keeps archives and copies inside a container, and pidfd_open(2)
_NAMESPACES = ("mnt", "net", "pid", "uts", "ipc")
_CONTROLLERS = {
    "cpu": "limits on CPU time (--cpus, --cpu-shares)",
    "memory": "limits on memory (--memory) and reports of it",
    "pids": "limits on processes (--pids-limit)",
    "cpuset": "binding to CPUs (--cpuset-cpus)",
    "io": "limits on block I/O (--blkio-weight, --device-read-bps)",
}


def check() -> Iterator[Finding]:
    """Yield what is found."""
    yield _rights()
    yield _version()
    yield from _namespaces()
    yield _seccomp()
    yield from _control_groups()
    yield from _limits()


def _rights() -> Finding:
    if os.geteuid() == 0:
        return found("rights", "running as root")
    return Finding("rights", "missing", "the daemon needs root, and parts of this check do too", "Run it with sudo.")


def _version() -> Finding:
    release = platform.release()
    numbers = tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in release.split(".")[:2])
    if numbers >= _LEAST:
        return found("kernel", release)
    least = ".".join(map(str, _LEAST))
    return Finding("kernel", "missing", f"{release} is older than {least}", f"Boot a kernel of {least} or newer.")


def _namespaces() -> Iterator[Finding]:
    lacking = [name for name in _NAMESPACES if not Path(f"/proc/self/ns/{name}").exists()]
    if lacking:
        yield Finding(
            "namespaces",
            "missing",
            f"the kernel has no {', '.join(lacking)} namespaces",
            "Boot a kernel with CONFIG_NAMESPACES and all of its parts.",
        )
    else:
        yield found("namespaces", ", ".join(_NAMESPACES))
    if not Path("/proc/self/ns/cgroup").exists():
        yield Finding("cgroup namespace", "note", "not available: containers see the host's cgroup paths")


def _seccomp() -> Finding:
    if Path("/proc/sys/kernel/seccomp/actions_avail").exists():
        return found("seccomp", "available")
    return Finding(
        "seccomp",
        "warning",
        "the kernel has no seccomp filters: containers may make every system call",
        "Boot a kernel with CONFIG_SECCOMP_FILTER.",
    )


def _control_groups() -> Iterator[Finding]:
    hierarchy = cgroups.hierarchy()
    if not hierarchy.controllers and hierarchy.unified is None:
        yield Finding(
            "control groups",
            "missing",
            "no cgroup file system is mounted",
            "mount -t cgroup2 none /sys/fs/cgroup (systemd does this by itself)",
        )
        return
    form = "version 2" if hierarchy.version == 2 else "version 1"
    form += " beside a version 2 tree (hybrid)" if hierarchy.controllers and hierarchy.unified else ""
    available = hierarchy.available() | set(hierarchy.stray())
    yield found("control groups", f"{form}: {', '.join(sorted(available & _CONTROLLERS.keys())) or 'no controllers'}")
    for name in sorted(_CONTROLLERS.keys() - available):
        remedy = "Boot with cgroup_enable=memory." if name == "memory" else "Enable the controller in the kernel."
        yield Finding(f"controller {name}", "warning", f"not available: no {_CONTROLLERS[name]}", remedy)


def _limits() -> Iterator[Finding]:
    instances = _number("/proc/sys/fs/inotify/max_user_instances")
    if instances is not None and instances < 64:
        yield Finding(
            "inotify",
            "warning",
            f"only {instances} instances: following logs of many containers may fail",
            "sysctl -w fs.inotify.max_user_instances=512",
        )
    pids = _number("/proc/sys/kernel/pid_max")
    if pids is not None and pids < 32768:
        yield Finding("processes", "warning", f"at most {pids} processes", "sysctl -w kernel.pid_max=4194304")


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None
