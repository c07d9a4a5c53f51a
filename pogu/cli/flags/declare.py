"""Docker's options of `run` and `create` (`docker run --help`, version 28)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pogu.cli.pflag import many, switch, value

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _text(flag: str, text: str, *, kind: str = "string") -> _Decorator:
    return value(*flag.split(), help=text, metavar=kind)


def _number(flag: str, text: str) -> _Decorator:
    return value(*flag.split(), type=int, help=text)


def _list(flag: str, text: str) -> _Decorator:
    return many(*flag.split(), help=text)


def _bool(flag: str, text: str, **attrs: Any) -> _Decorator:
    return switch(*flag.split(), help=text, **attrs)


_OPTIONS: list[_Decorator] = [
    _list("--add-host", "Add a custom host-to-IP mapping (host:ip)"),
    _list("--annotation", "Add an annotation to the container (passed through to the OCI runtime)"),
    _list("-a --attach", "Attach to STDIN, STDOUT or STDERR"),
    _number("--blkio-weight", "Block IO (relative weight), between 10 and 1000, or 0 to disable"),
    _list("--blkio-weight-device", "Block IO weight (relative device weight)"),
    _list("--cap-add", "Add Linux capabilities"),
    _list("--cap-drop", "Drop Linux capabilities"),
    _text("--cgroup-parent", "Optional parent cgroup for the container"),
    _text("--cgroupns", "Cgroup namespace to use (host|private)"),
    _text("--cidfile", "Write the container ID to the file"),
    _number("--cpu-period", "Limit CPU CFS (Completely Fair Scheduler) period"),
    _number("--cpu-quota", "Limit CPU CFS (Completely Fair Scheduler) quota"),
    _number("--cpu-rt-period", "Limit CPU real-time period in microseconds"),
    _number("--cpu-rt-runtime", "Limit CPU real-time runtime in microseconds"),
    _number("-c --cpu-shares", "CPU shares (relative weight)"),
    _text("--cpus", "Number of CPUs", kind="decimal"),
    _text("--cpuset-cpus", "CPUs in which to allow execution (0-3, 0,1)"),
    _text("--cpuset-mems", "MEMs in which to allow execution (0-3, 0,1)"),
    _list("--device", "Add a host device to the container"),
    _list("--device-cgroup-rule", "Add a rule to the cgroup allowed devices list"),
    _list("--device-read-bps", "Limit read rate (bytes per second) from a device"),
    _list("--device-read-iops", "Limit read rate (IO per second) from a device"),
    _list("--device-write-bps", "Limit write rate (bytes per second) to a device"),
    _list("--device-write-iops", "Limit write rate (IO per second) to a device"),
    _bool("--disable-content-trust", "Skip image verification", default=True),
    _list("--dns", "Set custom DNS servers"),
    _list("--dns-option", "Set DNS options"),
    _list("--dns-opt", "Set DNS options (older name)"),
    _list("--dns-search", "Set custom DNS search domains"),
    _text("--domainname", "Container NIS domain name"),
    _text("--entrypoint", "Overwrite the default ENTRYPOINT of the image"),
    _list("-e --env", "Set environment variables"),
    _list("--env-file", "Read in a file of environment variables"),
    _list("--expose", "Expose a port or a range of ports"),
    _text("--gpus", "GPU devices to add to the container ('all' to pass all GPUs)", kind="gpu-request"),
    _list("--group-add", "Add additional groups to join"),
    _text("--health-cmd", "Command to run to check health"),
    _text("--health-interval", "Time between running the check (ms|s|m|h)", kind="duration"),
    _number("--health-retries", "Consecutive failures needed to report unhealthy"),
    _text("--health-start-interval", "Time between running the check during the start period", kind="duration"),
    _text("--health-start-period", "Start period before failures count", kind="duration"),
    _text("--health-timeout", "Maximum time to allow one check to run", kind="duration"),
    _text("-h --hostname", "Container host name"),
    _bool("--init", "Run an init inside the container that forwards signals and reaps processes", default=None),
    _bool("-i --interactive", "Keep STDIN open even if not attached"),
    _text("--ip", "IPv4 address (e.g., 172.30.100.104)"),
    _text("--ip6", "IPv6 address (e.g., 2001:db8::33)"),
    _text("--ipc", "IPC mode to use"),
    _text("--isolation", "Container isolation technology"),
    _text("--kernel-memory", "Kernel memory limit", kind="bytes"),
    _list("-l --label", "Set meta data on a container"),
    _list("--label-file", "Read in a line delimited file of labels"),
    _list("--link", "Add link to another container"),
    _list("--link-local-ip", "Container IPv4/IPv6 link-local addresses"),
    _text("--log-driver", "Logging driver for the container"),
    _list("--log-opt", "Log driver options"),
    _text("--mac-address", "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
    _text("-m --memory", "Memory limit", kind="bytes"),
    _text("--memory-reservation", "Memory soft limit", kind="bytes"),
    _text("--memory-swap", "Swap limit equal to memory plus swap: '-1' to enable unlimited swap", kind="bytes"),
    _number("--memory-swappiness", "Tune container memory swappiness (0 to 100)"),
    _list("--mount", "Attach a filesystem mount to the container"),
    _text("--name", "Assign a name to the container"),
    _list("--network", "Connect a container to a network"),
    _list("--net", "Connect a container to a network (older name)"),
    _list("--network-alias", "Add network-scoped alias for the container"),
    _list("--net-alias", "Add network-scoped alias for the container (older name)"),
    _bool("--no-healthcheck", "Disable any container-specified HEALTHCHECK"),
    _bool("--oom-kill-disable", "Disable OOM Killer", default=None),
    _number("--oom-score-adj", "Tune host's OOM preferences (-1000 to 1000)"),
    _text("--pid", "PID namespace to use"),
    _number("--pids-limit", "Tune container pids limit (set -1 for unlimited)"),
    _text("--platform", "Set platform if server is multi-platform capable"),
    _bool("--privileged", "Give extended privileges to this container"),
    _list("-p --publish", "Publish a container's port(s) to the host"),
    _bool("-P --publish-all", "Publish all exposed ports to random ports"),
    value("--pull", default="missing", help='Pull image before running ("always", "missing", "never")'),
    _bool("-q --quiet", "Suppress the pull output"),
    _bool("--read-only", "Mount the container's root filesystem as read only"),
    _text("--restart", "Restart policy to apply when a container exits"),
    _bool("--rm", "Automatically remove the container and its anonymous volumes when it exits"),
    _text("--runtime", "Runtime to use for this container"),
    _list("--security-opt", "Security Options"),
    _text("--shm-size", "Size of /dev/shm", kind="bytes"),
    _text("--stop-signal", "Signal to stop the container"),
    _number("--stop-timeout", "Timeout (in seconds) to stop a container"),
    _list("--storage-opt", "Storage driver options for the container"),
    _list("--sysctl", "Sysctl options"),
    _list("--tmpfs", "Mount a tmpfs directory"),
    _bool("-t --tty", "Allocate a pseudo-TTY"),
    _list("--ulimit", "Ulimit options"),
    _text("-u --user", "Username or UID (format: <name|uid>[:<group|gid>])"),
    _text("--userns", "User namespace to use"),
    _text("--uts", "UTS namespace to use"),
    _list("-v --volume", "Bind mount a volume"),
    _text("--volume-driver", "Optional volume driver for the container"),
    _list("--volumes-from", "Mount volumes from the specified container(s)"),
    _text("-w --workdir", "Working directory inside the container"),
]


def container_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add all options of a container to a command; values arrive as keyword arguments."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
