"""Checks of a container's configuration that hold on every host, in dockerd's order and words."""

from __future__ import annotations

import ipaddress
import posixpath
import re

from pogu.engine.containers.create.capabilities import check_capabilities
from pogu.engine.containers.create.ports import check_port_bindings, expand_ports
from pogu.engine.containers.mounts import check_mount, check_tmpfs_target
from pogu.engine.containers.signals import parse_signal
from pogu.engine.model import ContainerConfig, HealthConfig, HostConfig, RestartPolicy
from pogu.errors import InvalidArgument, Unsupported

MINIMUM_DURATION = 1_000_000  # ns; a healthcheck's times are at least a millisecond
_POLICIES = ("no", "always", "on-failure", "unless-stopped")
_LOG_DRIVERS = ("json-file", "local", "none")
_LATER_LOG_DRIVERS = ("syslog", "journald", "gelf", "fluentd", "awslogs", "gcplogs", "splunk")
_HOSTNAME_LIMIT = 64  # bytes, sethostname(2)


def check_config(config: ContainerConfig) -> None:
    """Raise InvalidArgument for a bad working directory, stop signal, environment or healthcheck."""
    if config.working_dir:
        config.working_dir = _working_directory(config.working_dir)
    if config.stop_signal:
        parse_signal(config.stop_signal)
    for variable in config.env or []:
        if not variable or variable.startswith("="):
            raise InvalidArgument(f"invalid environment variable: {variable}")
        if "\0" in variable:
            raise InvalidArgument("environment variables cannot contain a null byte")
    for port in config.exposed_ports or {}:
        expand_ports(port)
    if len((config.hostname or "").encode()) > _HOSTNAME_LIMIT:
        raise InvalidArgument(f'hostname "{config.hostname}" is too long (maximum {_HOSTNAME_LIMIT} bytes)')
    if config.healthcheck:
        check_healthcheck(config.healthcheck)


def _working_directory(path: str) -> str:
    if not path.startswith("/"):
        raise InvalidArgument(f"the working directory '{path}' is invalid, it needs to be an absolute path")
    return "/" + posixpath.normpath(path).lstrip("/")


def check_healthcheck(health: HealthConfig) -> None:
    """Raise InvalidArgument for times below a millisecond and negative retries."""
    if not health.test and not any((health.interval, health.timeout, health.start_period, health.retries)):
        return
    for value, name in (
        (health.interval, "Interval"),
        (health.timeout, "Timeout"),
        (health.start_period, "StartPeriod"),
        (health.start_interval, "StartInterval"),
    ):
        if value != 0 and value < MINIMUM_DURATION:
            raise InvalidArgument(f"{name} in Healthcheck cannot be less than 1ms")
    if health.retries < 0:
        raise InvalidArgument("Retries in Healthcheck cannot be negative")


def check_log_driver(name: str) -> None:
    """Raise InvalidArgument for a log driver that nobody has, Unsupported for one that is not here."""
    if name in _LATER_LOG_DRIVERS:
        raise Unsupported(f"the log driver {name} is not part of this version; there are {', '.join(_LOG_DRIVERS)}")
    if name not in ("", *_LOG_DRIVERS):
        raise InvalidArgument(f"logger: no log driver named '{name}' is registered")


def check_host_config(host: HostConfig) -> None:
    """Raise InvalidArgument for what is wrong in mounts, extra hosts, ports, restart policy, capabilities…"""
    if host.auto_remove and host.restart_policy and host.restart_policy.name not in ("", None, "no"):
        raise InvalidArgument("can't create 'AutoRemove' container with restart policy")
    for mount in host.mounts or []:
        check_mount(mount)
    for entry in host.extra_hosts or []:
        check_extra_host(entry)
    check_port_bindings(host)
    if host.restart_policy:
        check_restart_policy(host.restart_policy)
    check_capabilities(host)
    if host.log_config:
        check_log_driver(host.log_config.type or "")
    if host.isolation not in ("", None, "default"):
        raise InvalidArgument(f"invalid isolation '{host.isolation}' on linux")
    if "" in (host.annotations or {}):
        raise InvalidArgument("invalid Annotations: the empty string is not permitted as an annotation key")
    check_namespace_modes(host)
    for target in host.tmpfs or {}:
        check_tmpfs_target(target)
    for name in host.sysctls or {}:
        _check_sysctl(name, host)


def check_extra_host(entry: str) -> None:
    """Raise InvalidArgument where `entry` is not `name:address`, `name=address` or `name:host-gateway`."""
    name, address = split_extra_host(entry)
    if not name or not address:
        raise InvalidArgument(f'bad format for add-host: "{entry}"')
    if address == "host-gateway":
        return
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise InvalidArgument(f'invalid IP address in add-host: "{address}"') from None


def split_extra_host(entry: str) -> tuple[str, str]:
    """Return (name, address) of one `--add-host`; brackets around an IPv6 address are dropped."""
    separator = "=" if "=" in entry else ":"
    name, _, address = entry.partition(separator)
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    return name, address


def check_restart_policy(policy: RestartPolicy) -> None:
    """Raise InvalidArgument for an unknown policy or a retry count where there can be none."""
    if not policy.name:
        return
    if policy.name not in _POLICIES:
        raise InvalidArgument(
            f"invalid restart policy: unknown policy '{policy.name}'; "
            "use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        )
    if policy.name == "on-failure":
        if policy.maximum_retry_count < 0:
            raise InvalidArgument("invalid restart policy: maximum retry count cannot be negative")
    elif policy.maximum_retry_count:
        message = "invalid restart policy: maximum retry count can only be used with 'on-failure'"
        if policy.maximum_retry_count < 0:
            message += " and cannot be negative"
        raise InvalidArgument(message)


def check_namespace_modes(host: HostConfig) -> None:
    """Raise InvalidArgument for namespace modes that do not exist, and sizes and scores out of range."""
    ipc, pid, uts = host.ipc_mode or "", host.pid_mode or "", host.uts_mode or ""
    if ipc not in ("", "none", "private", "shareable", "host") and not _is_container_mode(ipc):
        raise InvalidArgument(f"invalid IPC mode: {ipc}")
    if pid not in ("", "host") and not _is_container_mode(pid):
        raise InvalidArgument(f"invalid PID mode: {pid}")
    if (host.shm_size or 0) < 0:
        raise InvalidArgument("SHM size can not be less than 0")
    if uts not in ("", "host"):
        raise InvalidArgument(f"invalid UTS mode: {uts}")
    if host.userns_mode not in ("", None, "host"):
        raise InvalidArgument(f"invalid user namespace mode: {host.userns_mode}")
    score = host.oom_score_adj or 0
    if not -1000 <= score <= 1000:
        raise InvalidArgument(f"Invalid value {score}, range for oom score adj is [-1000, 1000]")
    if host.cgroupns_mode not in ("", None, "private", "host"):
        raise InvalidArgument(f"invalid cgroup namespace mode: {host.cgroupns_mode}")


def _is_container_mode(mode: str) -> bool:
    kind, _, name = mode.partition(":")
    return kind == "container" and bool(name)


_SYSCTL_NAME = re.compile(r"[A-Za-z0-9_]+(?:[./][A-Za-z0-9_*:@-]+)*")


def _check_sysctl(name: str, host: HostConfig) -> None:
    """A container may only set what belongs to its own namespaces (runc's list)."""
    if not _SYSCTL_NAME.fullmatch(name):
        raise InvalidArgument(f'sysctl "{name}" is not a valid name')
    if name.startswith("net.") and host.network_mode == "host":
        raise InvalidArgument(f"sysctl '{name}' not allowed in host network namespace")


def check_cgroup_parent(parent: str | None, cgroup_driver: str) -> None:
    """Raise InvalidArgument where systemd is to make the cgroup, and the parent is none of its slices."""
    if parent and cgroup_driver == "systemd" and (parent == ".slice" or not parent.endswith(".slice")):
        raise InvalidArgument('cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"')


def check_modes_together(config: ContainerConfig, host: HostConfig) -> None:
    """Raise InvalidArgument for options that contradict the network or UTS mode."""
    mode = host.network_mode or "default"
    if host.uts_mode == "host" and config.hostname:
        raise InvalidArgument("conflicting options: hostname and the UTS mode")
    if mode == "host" and host.links:
        raise InvalidArgument(
            "conflicting options: host type networking can't be used with links. "
            "This would result in undefined behavior"
        )
    if not mode.startswith("container"):
        return
    if not _is_container_mode(mode):
        raise InvalidArgument("invalid container format container:<name|id>")
    conflicts = (
        (config.hostname, "hostname and the network mode"),
        (
            host.links,
            "container type network can't be used with links. This would result in undefined behavior",
        ),
        (host.dns, "dns and the network mode"),
        (host.extra_hosts, "custom host-to-IP mapping and the network mode"),
        (config.mac_address, "mac-address and the network mode"),
        (host.port_bindings or host.publish_all_ports, "port publishing and the container type network mode"),
        (config.exposed_ports, "port exposing and the container type network mode"),
    )
    for present, text in conflicts:
        if present:
            raise InvalidArgument(f"conflicting options: {text}")
