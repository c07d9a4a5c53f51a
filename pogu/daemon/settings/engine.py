"""From a daemon's settings to what its engine is told."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pogu.daemon.settings.resolve import DEFAULT_RUN, Settings
from pogu.engine.config import EngineConfig

_DOCKER_DRIVERS = {"overlay2": "overlay"}  # Docker's names for ours

_SPARES = 2  # supervisors kept ready while containers are started now and then: 4 MB


def engine_config(settings: Settings) -> EngineConfig:
    """Return the engine's settings. Options that nobody set keep the engine's own defaults."""
    config = EngineConfig(root=settings.root, run=settings.run)
    config.spare_supervisors = _SPARES
    _name_kernel_objects(config, settings)
    for key, attribute in ENGINE_FIELDS.items():
        if settings.has(key):
            setattr(config, attribute, settings.get(key))
    if settings.has("storage-driver"):
        name = str(settings.get("storage-driver"))
        config.storage_driver = _DOCKER_DRIVERS.get(name, name)
    if settings.get("default-address-pools"):
        config.default_address_pools = list(settings.get("default-address-pools"))
    for option in settings.get("exec-opts"):
        config.cgroup_driver = option.partition("=")[2].strip()
    if settings.get("registry-certs"):
        config.registry_certs = [Path(name) for name in settings.get("registry-certs")]
    if config.seccomp_profile == "builtin":
        config.seccomp_profile = ""
    if not config.iptables:  # as dockerd: no rules at all means no masquerading either
        config.ip_masq = False
    config.http_proxy = settings.proxy("http-proxy")
    config.https_proxy = settings.proxy("https-proxy")
    config.no_proxy = settings.proxy("no-proxy")
    config.debug = settings.log_level == "debug"
    config.warnings = [f"WARNING: {text}" for text in settings.warnings]
    return config


def _name_kernel_objects(config: EngineConfig, settings: Settings) -> None:
    """Give a daemon with a run directory of its own names of its own in the kernel, so that two never meet."""
    if config.run != DEFAULT_RUN:
        suffix = hashlib.sha256(str(config.run).encode()).hexdigest()[:6]
        config.bridge, config.table, config.cgroup_parent = f"pogu{suffix}", f"pogu_{suffix}", f"/pogu-{suffix}"
    for key, attribute in (("bridge", "bridge"), ("table", "table"), ("cgroup-parent", "cgroup_parent")):
        if settings.get(key):
            setattr(config, attribute, settings.get(key))


# Options that the engine takes as they are: key -> field of EngineConfig.
ENGINE_FIELDS = {
    "default-runtime": "runtime",
    "runtimes": "runtimes",
    "bip": "bip",
    "bip6": "bip6",
    "fixed-cidr": "fixed_cidr",
    "fixed-cidr-v6": "fixed_cidr_v6",
    "default-gateway": "default_gateway",
    "default-gateway-v6": "default_gateway_v6",
    "ipv6": "ipv6",
    "mtu": "mtu",
    "icc": "icc",
    "ip": "publish_address",
    "ip-masq": "ip_masq",
    "ip-forward": "ip_forward",
    "iptables": "iptables",
    "ip6tables": "ip6tables",
    "userland-proxy": "userland_proxy",
    "default-network-opts": "default_network_opts",
    "dns": "dns",
    "dns-opts": "dns_options",
    "dns-search": "dns_search",
    "host-gateway-ips": "host_gateway_ips",
    "log-driver": "log_driver",
    "log-opts": "log_opts",
    "default-ulimits": "default_ulimits",
    "default-shm-size": "default_shm_size",
    "default-ipc-mode": "default_ipc_mode",
    "default-cgroupns-mode": "default_cgroupns_mode",
    "no-new-privileges": "no_new_privileges",
    "init": "init",
    "init-path": "init_path",
    "seccomp-profile": "seccomp_profile",
    "storage-opts": "storage_opts",
    "shutdown-timeout": "shutdown_timeout",
    "max-concurrent-downloads": "max_concurrent_downloads",
    "max-concurrent-uploads": "max_concurrent_uploads",
    "max-download-attempts": "max_download_attempts",
    "registry-mirrors": "registry_mirrors",
    "insecure-registries": "insecure_registries",
    "labels": "labels",
    "live-restore": "live_restore",
    "experimental": "experimental",
    "features": "features",
}
