"""Flags and files become one Settings; the same thing said twice, or what cannot be done, is an error or a warning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pogu.daemon.settings import OPTIONS, Settings, resolve
from pogu.daemon.settings.resolve import Sources
from pogu.errors import InvalidArgument


def settings(folder: Path, flags: dict[str, list[str]] | None = None, /, **file: Any) -> Settings:
    """Return what the flags and a daemon.json of these keys (with _ for -) come to."""
    path = folder / "daemon.json"
    path.write_text(json.dumps({key.replace("_", "-"): value for key, value in file.items()}))
    (folder / "none.toml").touch()
    return resolve(Sources(flags or {}, toml=folder / "none.toml", json=path))


def test_what_nobody_says_has_dockers_defaults(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert found.values == {}
    assert (found.root, found.run) == (Path("/var/lib/pogu"), Path("/run/pogu"))
    assert found.hosts == ["unix:///run/pogu/pogu.sock"]
    assert (found.get("mtu"), found.get("dns"), found.get("log-opts"), found.log_level) == (1500, [], {}, "info")
    assert not found.tls


def test_flags_and_files_add_up(tmp_path: Path) -> None:
    found = settings(tmp_path, {"debug": ["true"], "dns": ["1.1.1.1"]}, labels=["a=b"], mtu=1400)
    assert (found.get("debug"), found.get("dns"), found.get("labels"), found.get("mtu")) == (
        True,
        ["1.1.1.1"],
        ["a=b"],
        1400,
    )
    assert found.log_level == "debug"
    assert found.has("mtu")
    assert not found.has("icc")


def test_the_same_thing_twice_is_a_conflict_in_dockerds_words(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument) as e:
        settings(tmp_path, {"labels": ["a=b", "c=d"], "debug": ["true"]}, labels=["e=f"], debug=True)
    assert e.value.message.endswith(
        "the following directives are specified both as a flag and in the configuration file: "
        "labels: (from flag: [a=b c=d], from file: [e=f]), debug: (from flag: true, from file: true)"
    )


def test_a_conflict_about_a_proxy_does_not_show_its_password(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument) as e:
        settings(tmp_path, {"http-proxy": ["http://u:hunter2@p"]}, proxies={"http-proxy": "http://u:hunter3@p"})
    assert "hunter" not in e.value.message


def test_the_two_files_may_not_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("mtu = 1400")
    (tmp_path / "a.json").write_text('{"mtu": 1400}')
    with pytest.raises(InvalidArgument, match="more than once: mtu"):
        resolve(Sources(toml=tmp_path / "a.toml", json=tmp_path / "a.json"))


def test_what_cannot_be_honoured_gives_a_warning_or_a_refusal(tmp_path: Path) -> None:
    found = settings(tmp_path, selinux_enabled=True, containerd="/run/containerd/containerd.sock")
    assert [text.partition(":")[0] for text in found.warnings] == ["selinux-enabled", "containerd"]
    assert settings(tmp_path, selinux_enabled=False, ip6tables=True, features={}).warnings == ()
    assert len(settings(tmp_path, ip6tables=False).warnings) == 1
    with pytest.raises(InvalidArgument, match="userns-remap is not supported"):
        settings(tmp_path, userns_remap="default")
    with pytest.raises(InvalidArgument, match="authorization plugins are not supported"):
        settings(tmp_path, authorization_plugins=["opa"])


def test_proxies_come_from_the_settings_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://environment")
    monkeypatch.setenv("no_proxy", "small.example")
    monkeypatch.delenv("NO_PROXY", raising=False)
    found = settings(tmp_path, proxies={"https-proxy": "http://file"})
    assert found.proxy("https-proxy") == "http://file"
    assert found.proxy("no-proxy") == "small.example"


# Every key of dockerd's reference ("Daemon configuration file", Linux, version 28).
DOCKERD_KEYS = (
    "allow-direct-routing authorization-plugins bip bip6 bridge builder cgroup-parent containerd containerd-namespace "
    "containerd-plugins-namespace data-root debug default-address-pools default-cgroupns-mode default-gateway "
    "default-gateway-v6 default-network-opts default-runtime default-shm-size default-ulimits dns dns-opts dns-search "
    "exec-opts exec-root experimental features fixed-cidr fixed-cidr-v6 group host-gateway-ip host-gateway-ips hosts "
    "icc init init-path insecure-registries ip ip-forward ip-forward-no-drop ip-masq ip6tables iptables ipv6 labels "
    "live-restore log-driver log-format log-level log-opts max-concurrent-downloads max-concurrent-uploads "
    "max-download-attempts metrics-addr mtu no-new-privileges node-generic-resources http-proxy https-proxy no-proxy "
    "pidfile raw-logs registry-mirrors runtimes seccomp-profile selinux-enabled shutdown-timeout storage-driver "
    "storage-opts swarm-default-advertise-addr tls tlscacert tlscert tlskey tlsverify userland-proxy "
    "userland-proxy-path userns-remap default-ipc-mode"
).split()


def test_every_key_of_dockerd_is_known() -> None:
    assert set(DOCKERD_KEYS) - {option.key for option in OPTIONS} == set()
