"""The OCI runtime configuration of a container (runtime-spec 1.0.2), with Docker's defaults."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pogu.engine.config import EngineConfig
from pogu.engine.model import Container, HostConfig, MountPoint
from pogu.engine.runtime import capabilities, devices
from pogu.engine.runtime.host import DEFAULT_SYSCTLS, HostFacts
from pogu.engine.runtime.mounts import oci_mounts, rootfs_propagation
from pogu.engine.runtime.process import INIT_PATH, oci_process, process_env
from pogu.engine.runtime.resources import oci_resources
from pogu.engine.runtime.security import parse_security_options, seccomp_profile
from pogu.engine.runtime.users import ResolvedUser
from pogu.errors import Unsupported

Json = dict[str, Any]

MASKED_PATHS: tuple[str, ...] = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    *sorted(str(p) for p in Path("/sys/devices/system/cpu").glob("cpu*/thermal_throttle")),
)
READONLY_PATHS: tuple[str, ...] = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

# "private" is a new one, "host" the host's, a path an existing one
Namespace = Literal["private", "host"] | Path


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Where each namespace of a container comes from. The mount namespace is always its own."""

    network: Namespace = "private"
    ipc: Namespace = "private"
    pid: Namespace = "private"
    uts: Namespace = "private"
    cgroup: Namespace = "host"


def oci_spec(
    container: Container,
    *,
    rootfs: Path,
    user: ResolvedUser,
    namespaces: Namespaces,
    mounts: Sequence[MountPoint],
    host: HostFacts,
    config: EngineConfig,
    env: Sequence[str] | None = None,
) -> Json:
    """Return the configuration for crun and runc.

    Args:
        mounts: what is mounted besides the system's: binds, volumes, images (`source` is a host path), tmpfs, and the
            files the engine provides (/etc/hosts…). HostConfig.Tmpfs is added here.
        env: the first process's environment; None is `process_env`'s.

    Raises:
        InvalidArgument: a device, capability, limit, tmpfs or security option that does not exist.
        Unsupported: an init is wanted and the host has none.
    """
    wanted = container.host_config
    privileged = bool(wanted.privileged)
    security = parse_security_options(wanted.security_opt, config.no_new_privileges)
    held = capabilities.effective(wanted.cap_add, wanted.cap_drop, privileged=privileged, available=host.capabilities)
    init = _wants_init(wanted, namespaces, config, host)
    writable_cgroups = privileged if security.writable_cgroups is None else security.writable_cgroups
    spec: Json = {
        "ociVersion": "1.0.2",
        "root": {"path": str(rootfs), "readonly": bool(wanted.readonly_rootfs)},
        "process": oci_process(
            container,
            user=user,
            env=process_env(container, user) if env is None else env,
            held=held,
            host=host,
            no_new_privileges=security.no_new_privileges,
            default_ulimits={**config.inherited_ulimits, **config.default_ulimits},
            apparmor=security.apparmor if host.apparmor and security.apparmor != "unconfined" else "",
            init=init,
        ),
        "mounts": oci_mounts(
            wanted,
            mounts,
            shm_size=wanted.shm_size or config.default_shm_size,
            privileged=privileged,
            writable_cgroups=writable_cgroups,
            kernel=host.kernel,
        ),
        "linux": _linux(container, namespaces, host, privileged),
    }
    if namespaces.uts == "private":
        spec["hostname"] = container.config.hostname or container.id[:12]
    if init:
        spec["mounts"].append(
            {"destination": INIT_PATH, "type": "bind", "source": host.init, "options": ["bind", "ro"]}
        )
    if annotations := _annotations(wanted):
        spec["annotations"] = annotations
    linux = spec["linux"]
    linux["cgroupsPath"] = cgroups_path(container.id, wanted, config)
    if propagation := rootfs_propagation(mounts):
        linux["rootfsPropagation"] = propagation
    profile = seccomp_profile(security, frozenset(held), host, config.seccomp_profile, privileged=privileged)
    if profile:
        linux["seccomp"] = profile
    return spec


def cgroups_path(id: str, wanted: HostConfig, config: EngineConfig) -> str:
    """Return the container's cgroup as OCI has it: a path, or `slice:prefix:name` for systemd.

    A parent is always below the root, whatever `..` it holds.
    """
    parent = wanted.cgroup_parent or config.cgroup_parent
    if config.cgroup_driver == "systemd":
        return f"{parent if parent.endswith('.slice') else 'system.slice'}:pogu:{id}"
    return posixpath.normpath(posixpath.join("/", parent.lstrip("/"), id))


def _linux(container: Container, namespaces: Namespaces, host: HostFacts, privileged: bool) -> Json:
    wanted = container.host_config
    nodes, rules = _devices(wanted, privileged)
    linux: Json = {
        "resources": {"devices": rules, **oci_resources(wanted, host)},
        "devices": nodes,
        "namespaces": _namespace_list(namespaces),
        "maskedPaths": _paths(wanted.masked_paths, MASKED_PATHS, privileged),
        "readonlyPaths": _paths(wanted.readonly_paths, READONLY_PATHS, privileged),
    }
    if sysctls := _sysctls(container, wanted, host):
        linux["sysctl"] = sysctls
    return linux


def _devices(wanted: HostConfig, privileged: bool) -> tuple[list[Json], list[Json]]:
    """Return device nodes and cgroup rules. A privileged container has all that the host has."""
    nodes: dict[str, Json] = {}
    rules = list(devices.ALLOW_ALL if privileged else devices.DEFAULT_RULES)
    if privileged:
        nodes = {node["path"]: node for node in devices.of_host()}
    for mapping in wanted.devices or []:
        found, allowed = devices.mapped(mapping)
        nodes |= {node["path"]: node for node in found}
        rules += [] if privileged else allowed
    if not privileged:
        rules += devices.parse_rules(wanted.device_cgroup_rules)
    return list(nodes.values()), rules


def _namespace_list(namespaces: Namespaces) -> list[Json]:
    found: list[Json] = [{"type": "mount"}]
    for kind in ("network", "ipc", "pid", "uts", "cgroup"):
        where = getattr(namespaces, kind)
        if where == "private":
            found.append({"type": kind})
        elif where != "host":
            found.append({"type": kind, "path": str(where)})
    return found


def _sysctls(container: Container, wanted: HostConfig, host: HostFacts) -> dict[str, str]:
    """The defaults are for a network of one's own only: elsewhere they would change somebody else's."""
    mode = wanted.network_mode or ""
    shared = mode == "host" or mode.startswith("container:") or container.config.network_disabled
    found = {} if shared else {k: v for k, v in DEFAULT_SYSCTLS.items() if k in host.sysctls}
    if container.config.domainname and wanted.uts_mode != "host":
        found["kernel.domainname"] = container.config.domainname
    return {**found, **(wanted.sysctls or {})}


def _paths(wanted: list[str] | None, default: Sequence[str], privileged: bool) -> list[str]:
    if wanted is not None:
        return wanted
    return [] if privileged else list(default)


def _annotations(wanted: HostConfig) -> dict[str, str]:
    """The user's annotations but for those that crun acts upon: one of them replaces the seccomp filter."""
    return {k: v for k, v in (wanted.annotations or {}).items() if not k.startswith("run.oci.")}


def _wants_init(wanted: HostConfig, namespaces: Namespaces, config: EngineConfig, host: HostFacts) -> bool:
    """An init makes sense only where the process would be the first of its PID namespace."""
    if not (config.init if wanted.init is None else wanted.init) or namespaces.pid != "private":
        return False
    if not host.init:
        raise Unsupported("no init program was found on this host: install catatonit, or configure init-path")
    return True
