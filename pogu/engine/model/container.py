"""Containers: the settings people give, and the record the engine keeps.

Fields take None where Go's clients send `null`. Sizes are bytes and durations nanoseconds unless a comment says
otherwise (API reference v1.50, `ContainerConfig` and `HostConfig`).
"""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from pogu.engine.model.base import Record
from pogu.engine.model.network import EndpointSettings


class HealthConfig(Record, omit_defaults=True):
    """`Test` is [] (inherit), ["NONE"], ["CMD", …] or ["CMD-SHELL", text]; durations in ns, 0 is the default."""

    test: list[str] | None = None
    interval: int = 0
    timeout: int = 0
    retries: int = 0
    start_period: int = 0
    start_interval: int = 0


class ContainerConfig(Record):
    hostname: str | None = ""
    domainname: str | None = ""
    user: str | None = ""
    attach_stdin: bool | None = False
    attach_stdout: bool | None = False
    attach_stderr: bool | None = False
    exposed_ports: dict[str, dict[str, Any] | None] | None = None
    tty: bool | None = False
    open_stdin: bool | None = False
    stdin_once: bool | None = False
    env: list[str] | None = None
    cmd: list[str] | str | None = None
    healthcheck: HealthConfig | None = None
    args_escaped: bool | None = None
    image: str | None = ""
    volumes: dict[str, dict[str, Any] | None] | None = None
    working_dir: str | None = ""
    entrypoint: list[str] | str | None = None
    network_disabled: bool | None = None
    mac_address: str | None = None
    on_build: list[str] | None = None
    labels: dict[str, str] | None = None
    stop_signal: str | None = None
    stop_timeout: int | None = None  # seconds
    shell: list[str] | None = None


class RestartPolicy(Record):
    """`name` is "", "no", "always", "unless-stopped" or "on-failure"; the count is for the last alone."""

    name: str | None = ""
    maximum_retry_count: int = 0


class LogConfig(Record):
    type: str | None = ""
    config: dict[str, str] | None = None


class PortBinding(Record):
    host_ip: str | None = ""
    host_port: str | None = ""


class DeviceMapping(Record):
    path_on_host: str
    path_in_container: str | None = ""
    cgroup_permissions: str | None = "rwm"


class DeviceRequest(Record):
    driver: str | None = ""
    count: int = 0
    device_ids: list[str] | None = None
    capabilities: list[list[str]] | None = None
    options: dict[str, str] | None = None


class ThrottleDevice(Record):
    """Bytes or operations per second of one block device."""

    path: str
    rate: int


class WeightDevice(Record):
    path: str
    weight: int


class Ulimit(Record):
    """A resource limit as in setrlimit(2); `name` without RLIMIT_, lower case; -1 is unlimited."""

    name: str
    soft: int
    hard: int


class BindOptions(TypedDict, total=False):
    Propagation: str
    NonRecursive: bool
    CreateMountpoint: bool
    ReadOnlyNonRecursive: bool
    ReadOnlyForceRecursive: bool


class DriverConfig(TypedDict, total=False):
    Name: str
    Options: dict[str, str]


class VolumeOptions(TypedDict, total=False):
    NoCopy: bool
    Labels: dict[str, str]
    DriverConfig: DriverConfig
    Subpath: str


class TmpfsOptions(TypedDict, total=False):
    SizeBytes: int
    Mode: int
    Options: list[list[str]]


class ImageOptions(TypedDict, total=False):
    Subpath: str


class Mount(Record):
    """One entry of HostConfig.Mounts. `type` is bind, volume, tmpfs, image, npipe or cluster."""

    type: str
    target: str
    source: str | None = ""
    read_only: bool | None = False
    consistency: str | None = None
    bind_options: BindOptions | None = None
    volume_options: VolumeOptions | None = None
    tmpfs_options: TmpfsOptions | None = None
    image_options: ImageOptions | None = None


class HostConfig(Record):
    binds: list[str] | None = None
    container_id_file: str | None = None
    log_config: LogConfig | None = None
    network_mode: str | None = "default"
    port_bindings: dict[str, list[PortBinding] | None] | None = None
    restart_policy: RestartPolicy | None = None
    auto_remove: bool | None = False
    volume_driver: str | None = ""
    volumes_from: list[str] | None = None
    console_size: list[int] | None = None  # [height, width]
    annotations: dict[str, str] | None = None
    mounts: list[Mount] | None = None
    cap_add: list[str] | None = None
    cap_drop: list[str] | None = None
    cgroupns_mode: str | None = ""
    dns: list[str] | None = None
    dns_options: list[str] | None = None
    dns_search: list[str] | None = None
    extra_hosts: list[str] | None = None
    group_add: list[str] | None = None
    ipc_mode: str | None = ""
    cgroup: str | None = ""
    links: list[str] | None = None
    oom_score_adj: int | None = 0
    pid_mode: str | None = ""
    privileged: bool | None = False
    publish_all_ports: bool | None = False
    readonly_rootfs: bool | None = False
    security_opt: list[str] | None = None
    storage_opt: dict[str, str] | None = None
    tmpfs: dict[str, str] | None = None
    uts_mode: str | None = ""
    userns_mode: str | None = ""
    shm_size: int | None = 0
    sysctls: dict[str, str] | None = None
    runtime: str | None = ""
    isolation: str | None = ""
    masked_paths: list[str] | None = None
    readonly_paths: list[str] | None = None
    init: bool | None = None
    # resources
    cpu_shares: int | None = 0
    memory: int | None = 0
    nano_cpus: int | None = 0  # 10^-9 CPUs
    cgroup_parent: str | None = ""
    blkio_weight: int | None = 0
    blkio_weight_device: list[WeightDevice] | None = None
    blkio_device_read_bps: list[ThrottleDevice] | None = None
    blkio_device_write_bps: list[ThrottleDevice] | None = None
    blkio_device_read_iops: list[ThrottleDevice] | None = None
    blkio_device_write_iops: list[ThrottleDevice] | None = None
    cpu_period: int | None = 0  # microseconds
    cpu_quota: int | None = 0  # microseconds
    cpu_realtime_period: int | None = 0  # microseconds
    cpu_realtime_runtime: int | None = 0  # microseconds
    cpuset_cpus: str | None = ""
    cpuset_mems: str | None = ""
    devices: list[DeviceMapping] | None = None
    device_cgroup_rules: list[str] | None = None
    device_requests: list[DeviceRequest] | None = None
    kernel_memory: int | None = None
    memory_reservation: int | None = 0
    memory_swap: int | None = 0  # -1 is unlimited, memory plus swap otherwise
    memory_swappiness: int | None = None
    oom_kill_disable: bool | None = None
    pids_limit: int | None = None
    ulimits: list[Ulimit] | None = None
    cpu_count: int | None = 0
    cpu_percent: int | None = 0
    io_maximum_iops: int | None = 0
    io_maximum_bandwidth: int | None = 0


class MountPoint(Record):
    """A resolved mount of a container (`Mounts` of inspect). `source` is a host path."""

    type: str
    destination: str
    name: str = ""
    source: str = ""
    driver: str = ""
    mode: str = ""
    rw: bool = True
    propagation: str = ""
    # not shown: what the engine needs to set it up
    no_copy: bool = False
    subpath: str = ""
    options: dict[str, Any] = {}


class HealthLog(Record):
    """One probe. `start` and `end` are RFC 3339; `output` is at most 4096 bytes."""

    start: str
    end: str
    exit_code: int
    output: str


class HealthState(Record):
    """`status` is none, starting, healthy or unhealthy; the last five probes are kept."""

    status: str = "none"
    failing_streak: int = 0
    log: list[HealthLog] = []


class ContainerState(Record):
    """`status` is created, running, paused, restarting, removing, exited or dead. Times are RFC 3339."""

    status: str = "created"
    running: bool = False
    paused: bool = False
    restarting: bool = False
    oom_killed: bool = False
    dead: bool = False
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    started_at: str = "0001-01-01T00:00:00Z"
    finished_at: str = "0001-01-01T00:00:00Z"
    health: HealthState | None = None


class Container(Record):
    """The engine's record of a container: all that is needed to start it again after a restart of the machine."""

    id: str
    name: str  # without the leading slash that Docker shows
    created: str  # RFC 3339 with nanoseconds
    image_id: str  # "sha256:…"
    config: ContainerConfig
    host_config: HostConfig
    path: str = ""
    args: list[str] = []
    state: ContainerState = msgspec.field(default_factory=ContainerState)
    networks: dict[str, EndpointSettings] = {}
    mounts: list[MountPoint] = []
    restart_count: int = 0
    manually_stopped: bool = False
    driver: str = "overlay2"
    platform: str = "linux"
    log_path: str = ""
    removal_in_progress: bool = False
    purpose: str = ""  # "build" for a step of a build, "hidden build" for one that no list shows; gone after a restart
    ports: dict[str, list[PortBinding] | None] = {}  # what is published now (`NetworkSettings.Ports`)
