"""The table of everything a daemon can be told, under dockerd's names (dockerd reference, "Daemon configuration file").

Each entry says the key of the configuration file, the flags, the kind of value, and what happens when it is set:
honoured, honoured with a warning, or refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What a value looks like. The Python form of each is given beside it."""

    SWITCH = "bool"  # bool
    TEXT = "string"  # str
    NUMBER = "int"  # int
    SIZE = "bytes"  # int, in bytes
    LIST = "list"  # list[str]
    MAP = "map"  # dict[str, str]
    ULIMITS = "ulimit"  # dict[str, tuple[soft, hard]]
    POOLS = "pool-options"  # list[tuple[cidr, prefix length]]
    RUNTIMES = "runtime"  # dict[str, tuple[path, list of arguments]]
    NETWORK_OPTS = "network-opt"  # dict[driver, dict[option, value]]
    FEATURES = "feature"  # dict[str, bool]
    OBJECT = "object"  # dict[str, Any]; in files alone


@dataclass(frozen=True, slots=True)
class Option:
    """One thing a daemon can be told.

    `flags` is empty for what only a file can say. `warning` is logged at the start when the option is set to other
    than `default`; `refusal` stops the start instead. `reloads` marks what SIGHUP applies to a running daemon.
    """

    key: str
    flags: tuple[str, ...]
    kind: Kind
    help: str
    default: object = None
    warning: str = ""
    refusal: str = ""
    reloads: bool = False


_SWARM = "this daemon has no swarm mode"
_CONTAINERD = "containers run under conmon, not under containerd"

OPTIONS: tuple[Option, ...] = (
    # directories and identity
    Option("data-root", ("-g", "--data-root", "--root"), Kind.TEXT, "Directory of what must survive a reboot"),
    Option("exec-root", ("--exec-root", "--run"), Kind.TEXT, "Directory of sockets and running state (on a tmpfs)"),
    Option("pidfile", ("-p", "--pidfile"), Kind.TEXT, "File that holds the daemon's process ID"),
    Option("hosts", ("-H", "--host"), Kind.LIST, "Where to listen: unix:///path, tcp://address:port, fd://[name]"),
    Option("docker-compat", ("--docker-compat",), Kind.SWITCH, "Also serve /var/run/docker.sock where it is free"),
    Option("group", ("-G", "--group"), Kind.TEXT, "Group that may use the Unix socket", "pogu"),
    Option("labels", ("--label",), Kind.LIST, "Key=value labels of this daemon", reloads=True),
    Option("table", ("--table",), Kind.TEXT, "Name of the nftables table"),
    # logging of the daemon
    Option("debug", ("-D", "--debug"), Kind.SWITCH, "Log at debug level", False, reloads=True),
    Option("log-level", ("-l", "--log-level"), Kind.TEXT, "debug, info, warn, error or fatal", "info", reloads=True),
    Option("log-format", ("--log-format",), Kind.TEXT, "Format of the daemon's log: text or json", "text"),
    Option("log-file", ("--log-file",), Kind.TEXT, "Write the daemon's log here instead of standard error"),
    Option("raw-logs", ("--raw-logs",), Kind.SWITCH, "Full timestamps without colours (always so)", False),
    Option("metrics-addr", ("--metrics-addr",), Kind.TEXT, "Address and port that serve /metrics to Prometheus"),
    # security of the API
    Option("tls", ("--tls",), Kind.SWITCH, "Use TLS; implied by --tlsverify"),
    Option("tlsverify", ("--tlsverify",), Kind.SWITCH, "Use TLS and ask clients for a certificate"),
    Option("tlscacert", ("--tlscacert",), Kind.TEXT, "Trust client certificates signed by this CA"),
    Option("tlscert", ("--tlscert",), Kind.TEXT, "TLS certificate file"),
    Option("tlskey", ("--tlskey",), Kind.TEXT, "TLS key file"),
    Option(
        "authorization-plugins",
        ("--authorization-plugin",),
        Kind.LIST,
        "Authorization plugins",
        refusal="authorization plugins are not supported: the API would be open to what they are there to refuse",
        reloads=True,
    ),
    # storage
    Option("storage-driver", ("-s", "--storage-driver"), Kind.TEXT, "Storage driver: overlay2 or vfs"),
    Option("storage-opts", ("--storage-opt",), Kind.LIST, "Storage driver options"),
    # networks
    Option("bridge", ("-b", "--bridge"), Kind.TEXT, "Name of the default bridge"),
    Option("bip", ("--bip",), Kind.TEXT, "Address and prefix of the default bridge"),
    Option("bip6", ("--bip6",), Kind.TEXT, "IPv6 address and prefix of the default bridge"),
    Option("fixed-cidr", ("--fixed-cidr",), Kind.TEXT, "Part of the default bridge's subnet for containers"),
    Option("fixed-cidr-v6", ("--fixed-cidr-v6",), Kind.TEXT, "The same for IPv6"),
    Option("default-gateway", ("--default-gateway",), Kind.TEXT, "Gateway of containers on the default bridge"),
    Option("default-gateway-v6", ("--default-gateway-v6",), Kind.TEXT, "The same for IPv6"),
    Option("ipv6", ("--ipv6",), Kind.SWITCH, "IPv6 on the default bridge", False),
    Option("mtu", ("--mtu",), Kind.NUMBER, "MTU of the default bridge", 1500),
    Option("icc", ("--icc",), Kind.SWITCH, "Let containers on the default bridge reach each other", True),
    Option("ip", ("--ip",), Kind.TEXT, "Address for published ports that name none", "0.0.0.0"),  # noqa: S104
    Option("ip-forward", ("--ip-forward",), Kind.SWITCH, "Switch the host's IP forwarding on", True),
    Option(
        "ip-forward-no-drop",
        ("--ip-forward-no-drop",),
        Kind.SWITCH,
        "Do not set the FORWARD policy to DROP (Pogu never does)",
        False,
    ),
    Option("ip-masq", ("--ip-masq",), Kind.SWITCH, "Masquerade what leaves the bridges", True),
    Option("iptables", ("--iptables",), Kind.SWITCH, "Make firewall rules (in Pogu's own nftables table)", True),
    Option(
        "ip6tables",
        ("--ip6tables",),
        Kind.SWITCH,
        "The same for IPv6",
        True,
        warning="rules for IPv4 and IPv6 are one table: --iptables=false leaves out both",
    ),
    Option(
        "userland-proxy",
        ("--userland-proxy",),
        Kind.SWITCH,
        "Relay published ports in user space (never needed: the kernel does it for loopback too)",
        True,
    ),
    Option(
        "userland-proxy-path",
        ("--userland-proxy-path",),
        Kind.TEXT,
        "Program of the user space relay",
        warning="there is no userland proxy: published ports are relayed by the kernel alone",
    ),
    Option(
        "firewall-backend",
        ("--firewall-backend",),
        Kind.TEXT,
        "Firewall backend: nftables",
        "nftables",
    ),
    Option(
        "allow-direct-routing",
        ("--allow-direct-routing",),
        Kind.SWITCH,
        "Let other hosts route straight to container addresses",
        False,
        warning="direct routing to container addresses is decided by the host's own firewall",
    ),
    Option(
        "default-address-pools", ("--default-address-pool",), Kind.POOLS, "Pools for networks: base=CIDR,size=PREFIX"
    ),
    Option(
        "default-network-opts",
        ("--default-network-opt",),
        Kind.NETWORK_OPTS,
        "Default options of new networks: driver=option=value",
    ),
    Option("dns", ("--dns",), Kind.LIST, "DNS servers of containers"),
    Option("dns-opts", ("--dns-opt",), Kind.LIST, "DNS options of containers"),
    Option("dns-search", ("--dns-search",), Kind.LIST, "DNS search domains of containers"),
    Option("host-gateway-ips", ("--host-gateway-ip",), Kind.LIST, "Addresses that `host-gateway` stands for"),
    Option("host-gateway-ip", (), Kind.TEXT, "Address that `host-gateway` stands for (older name)"),
    # containers
    Option("default-runtime", ("--default-runtime",), Kind.TEXT, "OCI runtime", "crun", reloads=True),
    Option("runtimes", ("--add-runtime",), Kind.RUNTIMES, "Another OCI runtime: name=path", reloads=True),
    Option("cgroup-parent", ("--cgroup-parent",), Kind.TEXT, "Parent cgroup of all containers"),
    Option("exec-opts", ("--exec-opt",), Kind.LIST, "Runtime options: native.cgroupdriver=cgroupfs|systemd"),
    Option("init", ("--init",), Kind.SWITCH, "Run an init in every container", False),
    Option("init-path", ("--init-path",), Kind.TEXT, "Program of that init"),
    Option("default-shm-size", ("--default-shm-size",), Kind.SIZE, "Size of /dev/shm", 64 << 20, reloads=True),
    Option("default-ipc-mode", ("--default-ipc-mode",), Kind.TEXT, "IPC namespace: private or shareable", "private"),
    Option("default-cgroupns-mode", ("--default-cgroupns-mode",), Kind.TEXT, "Cgroup namespace: private or host"),
    Option("default-ulimits", ("--default-ulimit",), Kind.ULIMITS, "Resource limits: name=soft[:hard]"),
    Option("no-new-privileges", ("--no-new-privileges",), Kind.SWITCH, "Refuse new privileges by default", False),
    Option("seccomp-profile", ("--seccomp-profile",), Kind.TEXT, "Default seccomp profile: file, builtin, unconfined"),
    Option("log-driver", ("--log-driver",), Kind.TEXT, "Log driver of containers", "json-file"),
    Option("log-opts", ("--log-opt",), Kind.MAP, "Options of the log driver"),
    Option("live-restore", ("--live-restore",), Kind.SWITCH, "Leave containers running at a stop", True, reloads=True),
    Option(
        "shutdown-timeout",
        ("--shutdown-timeout",),
        Kind.NUMBER,
        "Seconds for containers to stop in",
        15,
        reloads=True,
    ),
    Option(
        "selinux-enabled",
        ("--selinux-enabled",),
        Kind.SWITCH,
        "SELinux labels for containers",
        False,
        warning="SELinux labels are not set: containers run without SELinux separation",
    ),
    Option(
        "userns-remap",
        ("--userns-remap",),
        Kind.TEXT,
        "User whose subordinate IDs containers run as",
        refusal="userns-remap is not supported: containers would run with the host's own user IDs",
    ),
    Option(
        "cpu-rt-period",
        ("--cpu-rt-period",),
        Kind.NUMBER,
        "Real-time period of the parent cgroup, in microseconds",
        warning="real-time CPU limits of the parent cgroup are not set",
    ),
    Option(
        "cpu-rt-runtime",
        ("--cpu-rt-runtime",),
        Kind.NUMBER,
        "Real-time run time of the parent cgroup, in microseconds",
        warning="real-time CPU limits of the parent cgroup are not set",
    ),
    Option("oom-score-adjust", ("--oom-score-adjust",), Kind.NUMBER, "OOM score of the daemon"),
    # registries
    Option(
        "max-concurrent-downloads",
        ("--max-concurrent-downloads",),
        Kind.NUMBER,
        "Layers of one pull fetched at once",
        3,
        reloads=True,
    ),
    Option(
        "max-concurrent-uploads",
        ("--max-concurrent-uploads",),
        Kind.NUMBER,
        "Layers of one push sent at once",
        5,
        reloads=True,
    ),
    Option(
        "max-download-attempts",
        ("--max-download-attempts",),
        Kind.NUMBER,
        "Attempts for each layer of a pull",
        5,
        reloads=True,
    ),
    Option(
        "registry-mirrors",
        ("--registry-mirror",),
        Kind.LIST,
        "Mirrors of Docker Hub",
        reloads=True,
    ),
    Option(
        "insecure-registries",
        ("--insecure-registry",),
        Kind.LIST,
        "Registries without (checked) TLS: host[:port] or CIDR",
        reloads=True,
    ),
    Option(
        "registry-certs",
        ("--registry-certs",),
        Kind.LIST,
        "Directories with certificates and mirrors of registries (default /etc/pogu/certs.d and /etc/docker/certs.d)",
    ),
    Option("http-proxy", ("--http-proxy",), Kind.TEXT, "Proxy for outgoing http"),
    Option("https-proxy", ("--https-proxy",), Kind.TEXT, "Proxy for outgoing https"),
    Option("no-proxy", ("--no-proxy",), Kind.TEXT, "Hosts reached without a proxy, with commas between"),
    # what dockerd takes and this daemon has no use for
    Option(
        "experimental",
        ("--experimental",),
        Kind.SWITCH,
        "Tell clients that they may use what Docker calls experimental, such as docker build --squash",
        False,
    ),
    Option(
        "features",
        ("--feature",),
        Kind.FEATURES,
        "Features: name=true|false",
        warning="dockerd's features cannot be switched here",
        reloads=True,
    ),
    Option("builder", (), Kind.OBJECT, "Settings of the builder", warning="builder settings are not applied"),
    Option("containerd", ("--containerd",), Kind.TEXT, "Path of containerd's socket", warning=_CONTAINERD),
    Option(
        "containerd-namespace",
        ("--containerd-namespace",),
        Kind.TEXT,
        "Namespace in containerd",
        warning=_CONTAINERD,
    ),
    Option(
        "containerd-plugins-namespace",
        ("--containerd-plugins-namespace",),
        Kind.TEXT,
        "Namespace of plugins in containerd",
        warning=_CONTAINERD,
    ),
    Option("cri-containerd", ("--cri-containerd",), Kind.SWITCH, "Start containerd with CRI", warning=_CONTAINERD),
    Option(
        "swarm-default-advertise-addr",
        ("--swarm-default-advertise-addr",),
        Kind.TEXT,
        "Address to advertise to a swarm",
        warning=_SWARM,
    ),
    Option(
        "node-generic-resources",
        ("--node-generic-resource",),
        Kind.LIST,
        "Resources to advertise to a swarm",
        warning=_SWARM,
    ),
)

BY_KEY: dict[str, Option] = {option.key: option for option in OPTIONS}
