"""What one engine is told: its directories, names in the kernel and defaults for containers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class EngineConfig:
    """Settings of one engine; several engines with different `root`, `run` and names live side by side.

    `root` holds what must survive a reboot, `run` what must not (a tmpfs). Every kernel object the engine makes
    carries `bridge`, `table` or `cgroup_parent` in its name or lives under `run`, so that two engines never meet.
    """

    root: Path = Path("/var/lib/pogu")
    run: Path = Path("/run/pogu")
    bridge: str = "pogu0"  # default bridge interface
    table: str = "pogu"  # nftables table (family inet)
    cgroup_parent: str = "/pogu"
    storage_driver: str = "overlay"
    runtime: str = "crun"
    bip: str = ""  # CIDR of the default bridge, gateway address included
    fixed_cidr: str = ""
    default_gateway: str = ""
    mtu: int = 1500
    icc: bool = True
    ip_masq: bool = True
    ip_forward: bool = True
    publish_address: str = "0.0.0.0"  # noqa: S104 # Docker's default for -p without an address
    default_address_pools: list[tuple[str, int]] = field(
        default_factory=lambda: [("172.17.0.0/12", 16), ("192.168.0.0/16", 20)]
    )
    dns: list[str] = field(default_factory=list)
    dns_options: list[str] = field(default_factory=list)
    dns_search: list[str] = field(default_factory=list)
    log_driver: str = "json-file"
    log_opts: dict[str, str] = field(default_factory=dict)
    default_ulimits: dict[str, tuple[int, int]] = field(default_factory=dict)  # name -> (soft, hard)
    inherited_ulimits: dict[str, tuple[int, int]] = field(default_factory=dict)  # where the daemon has raised its own
    default_shm_size: int = 64 << 20
    default_ipc_mode: str = "private"
    default_cgroupns_mode: str = ""  # "" is private on cgroup v2, host on v1
    no_new_privileges: bool = False
    init: bool = False
    seccomp_profile: str = ""  # path; "" is the built-in one, "unconfined" none
    shutdown_timeout: int = 15  # seconds
    max_concurrent_downloads: int = 3
    labels: list[str] = field(default_factory=list)
    live_restore: bool = True
    debug: bool = False
    # added for what the daemon is told besides
    bip6: str = ""
    fixed_cidr_v6: str = ""
    default_gateway_v6: str = ""
    ipv6: bool = False  # IPv6 on the default bridge
    iptables: bool = True  # False: make no NAT, filter or port rules at all
    ip6tables: bool = True
    userland_proxy: bool = True
    host_gateway_ips: list[str] = field(default_factory=list)  # what `host-gateway` in --add-host stands for
    default_network_opts: dict[str, dict[str, str]] = field(default_factory=dict)  # driver -> option -> value
    runtimes: dict[str, tuple[str, list[str]]] = field(default_factory=dict)  # name -> (path, extra arguments)
    init_path: str = ""
    cgroup_driver: str = "cgroupfs"  # or "systemd"
    storage_opts: list[str] = field(default_factory=list)  # key=value
    max_concurrent_uploads: int = 5
    max_download_attempts: int = 5
    registry_mirrors: list[str] = field(default_factory=list)
    insecure_registries: list[str] = field(default_factory=list)  # host[:port] or CIDR
    registry_certs: list[Path] = field(  # directories `<host[:port]>/` with certificates and mirrors
        default_factory=lambda: [Path("/etc/pogu/certs.d"), Path("/etc/docker/certs.d")]
    )
    http_proxy: str = ""
    https_proxy: str = ""
    no_proxy: str = ""
    spare_supervisors: int = 0  # kept ready for the next containers
    experimental: bool = False
    features: dict[str, bool] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)  # for `info`: settings that cannot be honoured here
