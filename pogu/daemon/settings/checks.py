"""Rules about values and about values together, with dockerd's words where it has the same rule."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pogu.errors import InvalidArgument

STOCK_RUNTIMES = ("crun", "runc")
LOG_LEVELS = ("trace", "debug", "info", "warn", "warning", "error", "fatal", "panic")
_DOMAIN = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*"
)
_INTERFACE = re.compile(r"[^\s/:]{1,15}")


def check(values: Mapping[str, Any]) -> None:
    """Raise InvalidArgument for the first rule that `values` breaks."""
    for rule in (
        _levels,
        _numbers,
        _names,
        _storage,
        _seccomp,
        _dns,
        _networks,
        _bridge,
        _labels,
        _runtimes,
        _exec_opts,
        _modes,
        _registries,
    ):
        rule(values)


def _refuse(text: str) -> None:
    raise InvalidArgument(text)


def _levels(values: Mapping[str, Any]) -> None:
    level = values.get("log-level")
    if level and level not in LOG_LEVELS:
        _refuse(f"invalid logging level: {level}")
    form = values.get("log-format")
    if form and form not in {"text", "json"}:
        _refuse(f"invalid log format: {form}")


def _numbers(values: Mapping[str, Any]) -> None:
    least = {
        "mtu": (0, "invalid default MTU"),
        "max-concurrent-downloads": (0, "invalid max concurrent downloads"),
        "max-concurrent-uploads": (0, "invalid max concurrent uploads"),
        "max-download-attempts": (1, "invalid max download attempts"),
        "shutdown-timeout": (-1, "invalid shutdown timeout"),
        "default-shm-size": (0, "invalid default shm size"),
    }
    score = values.get("oom-score-adjust", 0)
    if not -1000 <= score <= 1000:
        _refuse(f"invalid oom-score-adjust: {score}: the kernel takes -1000 to 1000")
    for key, (low, text) in least.items():
        if key in values and values[key] < low:
            _refuse(f"{text}: {values[key]}")


def _names(values: Mapping[str, Any]) -> None:
    driver = values.get("storage-driver")
    if driver and driver not in {"overlay", "overlay2", "vfs"}:
        _refuse(f"graphdriver {driver} is not supported: use overlay2 or vfs")
    backend = values.get("firewall-backend")
    if backend and backend != "nftables":
        _refuse(f"firewall backend {backend} is not supported: Pogu keeps its rules in an nftables table of its own")
    table = values.get("table")
    if table and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]{0,60}", table):
        _refuse(f"invalid nftables table name: {table}")
    bridge = values.get("bridge")
    if bridge and not _INTERFACE.fullmatch(bridge):
        _refuse(f"invalid bridge name: {bridge}")


def _storage(values: Mapping[str, Any]) -> None:
    for option in values.get("storage-opts", ()):
        key = option.partition("=")[0].strip().lower()
        if key.endswith(".size"):
            _refuse(f"storage option {key} is not supported: writable layers have no limit of size")
        if key not in {"overlay2.override_kernel_check", "overlay.override_kernel_check"}:
            _refuse(f"unknown storage option {key}")


def _seccomp(values: Mapping[str, Any]) -> None:
    path = values.get("seccomp-profile")
    if not path or path in {"builtin", "unconfined"}:
        return
    try:
        json.loads(Path(path).read_bytes())
    except OSError as e:
        _refuse(f"opening seccomp profile ({path}) failed: {(e.strerror or str(e)).lower()}")
    except ValueError as e:
        _refuse(f"decoding seccomp profile ({path}) failed: {e}")


def _dns(values: Mapping[str, Any]) -> None:
    for address in [*values.get("dns", ()), *values.get("host-gateway-ips", ())]:
        _parsed(ipaddress.ip_address, address, f"IP address is not correctly formatted: {address}")
    for domain in values.get("dns-search", ()):
        if domain != "." and not _DOMAIN.fullmatch(domain.rstrip(".")):
            _refuse(f"{domain} is not a valid domain")


def _parsed(parse: Callable[[str], Any], text: str, message: str) -> Any:
    try:
        return parse(text)
    except ValueError:
        raise InvalidArgument(message) from None


def _networks(values: Mapping[str, Any]) -> None:
    for key in ("ip", "default-gateway", "default-gateway-v6"):
        if values.get(key):
            _parsed(
                ipaddress.ip_address, values[key], f"ip address is not correctly formatted: {values[key]!r} ({key})"
            )
    for key in ("fixed-cidr", "fixed-cidr-v6"):
        if values.get(key):
            _parsed(ipaddress.ip_network, values[key], f"invalid CIDR address: {values[key]} ({key})")
    for key in ("bip", "bip6"):
        text = values.get(key)
        if text and (
            "/" not in text or not _parsed(ipaddress.ip_interface, text, f"invalid CIDR address: {text} ({key})")
        ):
            _refuse(f"invalid CIDR address: {text} ({key})")
    for base, size in values.get("default-address-pools", ()):
        network = _parsed(ipaddress.ip_network, base, f"invalid default-address-pool base: {base}")
        if not network.prefixlen <= size <= network.max_prefixlen:
            _refuse(f"invalid default-address-pool size: {size} (for {base})")


def _bridge(values: Mapping[str, Any]) -> None:
    if values.get("bridge") == "none":
        _refuse("a daemon without a default bridge is not supported: start containers with --network none instead")
    if values.get("iptables") is False and values.get("icc") is False:
        _refuse(
            "You specified --iptables=false with --icc=false. ICC=false uses iptables to function. "
            "Please set --icc or --iptables to true"
        )
    subnet, gateway, part = (values.get(key) for key in ("bip", "default-gateway", "fixed-cidr"))
    if not subnet:
        return
    network = ipaddress.ip_interface(subnet).network
    if gateway and ipaddress.ip_address(gateway) not in network:
        _refuse(f"default-gateway {gateway} is not in the bridge's subnet {network}")
    if part and not _within(part, network):
        _refuse(f"fixed-cidr {part} is not within the bridge's subnet {network}")


def _within(part: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    inner = ipaddress.ip_network(part)
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(network, ipaddress.IPv4Network):
        return inner.subnet_of(network)
    return False


def _labels(values: Mapping[str, Any]) -> None:
    seen: dict[str, str] = {}
    for label in values.get("labels", ()):
        key, eq, value = label.partition("=")
        if not eq or not key:
            _refuse(f"bad attribute format: {label}")
        if seen.setdefault(key, value) != value:
            _refuse(f"conflict labels for {key}={value} and {key}={seen[key]}")


def _runtimes(values: Mapping[str, Any]) -> None:
    runtimes = values.get("runtimes", {})
    for name in STOCK_RUNTIMES:
        if name in runtimes:
            _refuse(f"runtime name '{name}' is reserved")
    default = values.get("default-runtime")
    if default and default not in STOCK_RUNTIMES and default not in runtimes:
        _refuse(f"specified default runtime '{default}' does not exist")


def _exec_opts(values: Mapping[str, Any]) -> None:
    for option in values.get("exec-opts", ()):
        key, _, value = option.partition("=")
        if key.strip().lower() != "native.cgroupdriver":
            _refuse(f'invalid exec option "{option}": only native.cgroupdriver is known')
        if value.strip() not in {"cgroupfs", "systemd"}:
            _refuse(f"native.cgroupdriver option {value} is invalid: use cgroupfs or systemd")
        if value.strip() == "systemd" and not str(values.get("cgroup-parent") or ".slice").endswith(".slice"):
            _refuse('cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"')


def _modes(values: Mapping[str, Any]) -> None:
    ipc = values.get("default-ipc-mode")
    if ipc and ipc not in {"private", "shareable"}:
        _refuse(f'IPC mode "{ipc}" is not supported as default value; use "shareable" or "private"')
    cgroupns = values.get("default-cgroupns-mode")
    if cgroupns and cgroupns not in {"private", "host"}:
        _refuse(f'default cgroup namespace mode ({cgroupns}) is invalid; use "host" or "private"')


def _registries(values: Mapping[str, Any]) -> None:
    for mirror in values.get("registry-mirrors", ()):
        parts = _parsed(urlsplit, mirror, f'invalid mirror: "{mirror}" is not a valid URI')
        if parts.scheme not in {"http", "https"}:
            _refuse(f'invalid mirror: unsupported scheme "{parts.scheme}" in "{mirror}"')
        if not parts.netloc:
            _refuse(f'invalid mirror: "{mirror}" is not a valid URI')
        if parts.query or parts.fragment:
            _refuse(f'invalid mirror: query or fragment not allowed in URI "{mirror}"')
    for registry in values.get("insecure-registries", ()):
        if "://" in registry:
            _refuse(f"insecure registry {registry} should not contain '://'")
        if registry.startswith("-") or registry.endswith("-"):
            _refuse(f"Cannot begin or end with a hyphen: {registry}")
