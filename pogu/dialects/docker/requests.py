"""The bodies of requests."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from pogu.engine.model import (
    IPAM,
    ContainerConfig,
    EndpointSettings,
    HostConfig,
    NetworkingConfig,
    Record,
    RestartPolicy,
    ThrottleDevice,
    Ulimit,
    WeightDevice,
)

R = TypeVar("R", bound=msgspec.Struct)


def narrow(wide: msgspec.Struct, type_: type[R]) -> R:
    """Return the fields that `type_` has, taken from a struct that has them and more."""
    return type_(**{name: getattr(wide, name) for name in type_.__struct_fields__})


class CreateRequest(ContainerConfig):
    """`POST /containers/create`: a container's configuration with two more objects beside its fields."""

    host_config: HostConfig | None = None
    networking_config: NetworkingConfig | None = None
    runtime: str | None = ""  # where docker-py puts its `runtime` argument


class UpdateRequest(Record):
    """`POST /containers/{id}/update`: what may change while a container runs; None leaves it as it is."""

    cpu_shares: int | None = None
    memory: int | None = None
    nano_cpus: int | None = None
    cgroup_parent: str | None = None
    blkio_weight: int | None = None
    blkio_weight_device: list[WeightDevice] | None = None
    blkio_device_read_bps: list[ThrottleDevice] | None = None
    blkio_device_write_bps: list[ThrottleDevice] | None = None
    blkio_device_read_iops: list[ThrottleDevice] | None = None
    blkio_device_write_iops: list[ThrottleDevice] | None = None
    cpu_period: int | None = None
    cpu_quota: int | None = None
    cpu_realtime_period: int | None = None
    cpu_realtime_runtime: int | None = None
    cpuset_cpus: str | None = None
    cpuset_mems: str | None = None
    device_cgroup_rules: list[str] | None = None
    kernel_memory: int | None = None
    memory_reservation: int | None = None
    memory_swap: int | None = None
    memory_swappiness: int | None = None
    oom_kill_disable: bool | None = None
    pids_limit: int | None = None
    ulimits: list[Ulimit] | None = None
    restart_policy: RestartPolicy | None = None


class ExecCreateRequest(Record):
    """`POST /containers/{id}/exec`."""

    user: str | None = ""
    privileged: bool | None = False
    tty: bool | None = False
    console_size: list[int] | None = None
    attach_stdin: bool | None = False
    attach_stderr: bool | None = False
    attach_stdout: bool | None = False
    detach_keys: str | None = ""
    env: list[str] | None = None
    working_dir: str | None = ""
    cmd: list[str] | str | None = None


class ExecStartRequest(Record):
    """`POST /exec/{id}/start`."""

    detach: bool | None = False
    tty: bool | None = False
    console_size: list[int] | None = None


class NetworkCreateRequest(Record):
    """`POST /networks/create`."""

    name: str | None = ""
    check_duplicate: bool | None = None
    driver: str | None = ""
    scope: str | None = ""
    internal: bool | None = False
    attachable: bool | None = False
    ingress: bool | None = False
    config_only: bool | None = False
    config_from: dict[str, Any] | None = None
    ipam: IPAM | None = None
    enable_ipv4: bool | None = None
    enable_ipv6: bool | None = None
    options: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class NetworkConnectRequest(Record):
    """`POST /networks/{id}/connect`."""

    container: str | None = ""
    endpoint_config: EndpointSettings | None = None


class NetworkDisconnectRequest(Record):
    """`POST /networks/{id}/disconnect`."""

    container: str | None = ""
    force: bool | None = False


class VolumeCreateRequest(Record):
    """`POST /volumes/create`."""

    name: str | None = ""
    driver: str | None = ""
    driver_opts: dict[str, str] | None = None
    labels: dict[str, str] | None = None
    cluster_volume_spec: dict[str, Any] | None = None
