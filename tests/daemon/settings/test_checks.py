"""Values that make no sense are refused before anything starts, in dockerd's words where it has the same rule."""

from __future__ import annotations

from typing import Any

import pytest

from pogu.daemon.settings.checks import check
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"log-level": "loud"}, "invalid logging level: loud"),
        ({"log-format": "xml"}, "invalid log format: xml"),
        ({"mtu": -1}, "invalid default MTU: -1"),
        ({"max-concurrent-downloads": -1}, "invalid max concurrent downloads: -1"),
        ({"max-download-attempts": 0}, "invalid max download attempts: 0"),
        ({"dns": ["8.8.8"]}, "IP address is not correctly formatted: 8.8.8"),
        ({"dns-search": ["a b"]}, "a b is not a valid domain"),
        ({"labels": ["alone"]}, "bad attribute format: alone"),
        ({"labels": ["a=1", "a=2"]}, "conflict labels for a=2 and a=1"),
        ({"default-runtime": "kata"}, "specified default runtime 'kata' does not exist"),
        ({"runtimes": {"runc": ("/x", [])}}, "runtime name 'runc' is reserved"),
        ({"exec-opts": ["native.cgroupdriver=magic"]}, "native.cgroupdriver option magic is invalid"),
        ({"exec-opts": ["native.cgroupdriver=systemd"], "cgroup-parent": "/a"}, 'slice named as "xxx.slice"'),
        ({"exec-opts": ["isolation=x"]}, 'invalid exec option "isolation=x"'),
        ({"default-ipc-mode": "host"}, 'IPC mode "host" is not supported as default value'),
        ({"default-cgroupns-mode": "x"}, 'default cgroup namespace mode (x) is invalid; use "host" or "private"'),
        ({"registry-mirrors": ["ftp://x"]}, 'invalid mirror: unsupported scheme "ftp" in "ftp://x"'),
        ({"insecure-registries": ["http://x"]}, "insecure registry http://x should not contain '://'"),
        ({"iptables": False, "icc": False}, "You specified --iptables=false with --icc=false."),
        ({"bip": "10.1.2.3"}, "invalid CIDR address: 10.1.2.3 (bip)"),
        ({"bip": "10.1.2.1/24", "fixed-cidr": "10.2.0.0/25"}, "fixed-cidr 10.2.0.0/25 is not within"),
        ({"bip": "10.1.2.1/24", "default-gateway": "10.3.0.1"}, "default-gateway 10.3.0.1 is not in"),
        ({"default-address-pools": [("10.0.0.0/24", 16)]}, "invalid default-address-pool size: 16"),
        ({"bridge": "none"}, "a daemon without a default bridge is not supported"),
        ({"bridge": "name-of-seventeen"}, "invalid bridge name"),
        ({"storage-driver": "zfs"}, "graphdriver zfs is not supported"),
        ({"storage-opts": ["overlay2.size=1G"]}, "storage option overlay2.size is not supported"),
        ({"storage-opts": ["dm.thinpooldev=x"]}, "unknown storage option dm.thinpooldev"),
        ({"seccomp-profile": "/nowhere"}, "opening seccomp profile (/nowhere) failed: no such file or directory"),
        ({"seccomp-profile": "/proc/version"}, "decoding seccomp profile (/proc/version) failed"),
        ({"firewall-backend": "iptables"}, "firewall backend iptables is not supported"),
    ],
)
def test_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument) as e:
        check(values)
    assert message in e.value.message


@pytest.mark.parametrize(
    "values",
    [
        {"dns": ["8.8.8.8", "2001:4860:4860::8888"], "dns-search": ["example.org", "."]},
        {"bip": "10.1.2.1/24", "fixed-cidr": "10.1.2.128/25", "default-gateway": "10.1.2.254"},
        {"default-runtime": "kata", "runtimes": {"kata": ("/kata", [])}},
        {"registry-mirrors": ["https://mirror.example/path"], "insecure-registries": ["10.0.0.0/8", "reg:5000"]},
        {"exec-opts": ["native.cgroupdriver=systemd"], "default-address-pools": [("10.0.0.0/8", 24)]},
        {"seccomp-profile": "unconfined", "storage-opts": ["overlay2.override_kernel_check=true"]},
        {"labels": ["a=1", "a=1", "b="], "shutdown-timeout": -1},
    ],
)
def test_accepted(values: dict[str, Any]) -> None:
    check(values)
