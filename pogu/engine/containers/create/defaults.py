"""What dockerd fills in when a request leaves it open, so that `inspect` shows what holds."""

from __future__ import annotations

from pogu.engine.config import EngineConfig
from pogu.engine.model import ContainerConfig, HostConfig, LogConfig, RestartPolicy
from pogu.engine.runtime import MASKED_PATHS, READONLY_PATHS


def fill_host_config(host: HostConfig, config: EngineConfig, cgroup_v2: bool) -> None:
    """Put this daemon's defaults where `host` says nothing."""
    if host.network_mode in (None, "", "default"):
        host.network_mode = "bridge"
    if host.memory and not host.memory_swap:
        host.memory_swap = 2 * host.memory if host.memory > 0 else host.memory_swap
    host.shm_size = host.shm_size or config.default_shm_size
    host.ipc_mode = host.ipc_mode or config.default_ipc_mode
    host.runtime = host.runtime or config.runtime
    host.cgroupns_mode = host.cgroupns_mode or _cgroup_namespace(host, config, cgroup_v2)
    if host.restart_policy is None or not host.restart_policy.name:
        host.restart_policy = RestartPolicy(name="no")
    if host.oom_kill_disable is None and not cgroup_v2:
        host.oom_kill_disable = False
    host.log_config = _log_config(host.log_config or LogConfig(), config)
    _fill_paths(host)
    _fill_labels(host)


def _cgroup_namespace(host: HostConfig, config: EngineConfig, cgroup_v2: bool) -> str:
    """Privileged containers have one of their own too, but on version 1, where no runtime can give them one."""
    if host.privileged and not cgroup_v2:
        return "host"
    return config.default_cgroupns_mode or ("private" if cgroup_v2 else "host")


def _log_config(wanted: LogConfig, config: EngineConfig) -> LogConfig:
    """The daemon's options hold for its own driver; what a container asks for goes before."""
    options = wanted.config or {}
    if wanted.type in (None, "", config.log_driver):
        return LogConfig(type=config.log_driver, config={**config.log_opts, **options})
    return LogConfig(type=wanted.type, config=dict(options))


def _fill_labels(host: HostConfig) -> None:
    """Who is not shut in as others are has no label of a security module either; dockerd shows it."""
    if host.privileged or host.ipc_mode == "host" or host.pid_mode == "host":
        options = host.security_opt or []
        if not any(o.startswith("label") for o in options):
            host.security_opt = [*options, "label=disable"]


def _fill_paths(host: HostConfig) -> None:
    """Masked and read-only paths: none for a privileged container, and `systempaths=unconfined` takes them away."""
    options = host.security_opt or []
    if "systempaths=unconfined" in options:
        host.masked_paths, host.readonly_paths = [], []
        host.security_opt = [o for o in options if o != "systempaths=unconfined"] or None
    elif not host.privileged:
        host.masked_paths = list(MASKED_PATHS) if host.masked_paths is None else host.masked_paths
        host.readonly_paths = list(READONLY_PATHS) if host.readonly_paths is None else host.readonly_paths


def fill_config(config: ContainerConfig, host: HostConfig, id_: str, host_name: str) -> None:
    """Give the container a host name where it has none of its own: its short ID, or the host's with its namespace."""
    if (host.network_mode or "").startswith("container:"):
        return
    if not config.hostname:
        shares = host.uts_mode == "host" or host.network_mode == "host"
        config.hostname = host_name if shares else id_[:12]
