"""What the engine is told; daemons with run directories of their own never meet in the kernel."""

from __future__ import annotations

from pathlib import Path

from pogu.daemon.settings.engine import ENGINE_FIELDS, engine_config
from pogu.engine.config import EngineConfig
from tests.daemon.settings.test_resolve import settings


def test_nothing_said_leaves_the_engines_own_defaults(tmp_path: Path) -> None:
    config = engine_config(settings(tmp_path))
    fresh = EngineConfig()
    assert (config.bridge, config.table, config.cgroup_parent, config.mtu) == ("pogu0", "pogu", "/pogu", 1500)
    assert config.default_address_pools == fresh.default_address_pools


def test_every_field_an_option_goes_to_exists() -> None:
    assert set(ENGINE_FIELDS.values()) <= set(EngineConfig.__dataclass_fields__)


def test_other_run_directories_get_other_names(tmp_path: Path) -> None:
    one, two = (engine_config(settings(tmp_path, {"exec-root": [f"/run/{name}"]})) for name in ("a", "b"))
    for attribute in ("bridge", "table", "cgroup_parent"):
        names = {getattr(config, attribute) for config in (one, two, EngineConfig())}
        assert len(names) == 3
    assert len(one.bridge) <= 15  # the kernel's IFNAMSIZ without its NUL
    assert engine_config(settings(tmp_path, {"exec-root": ["/run/a"], "bridge": ["br9"]})).bridge == "br9"


def test_values_arrive(tmp_path: Path) -> None:
    config = engine_config(
        settings(
            tmp_path,
            {
                "storage-driver": ["overlay2"],
                "exec-opts": ["native.cgroupdriver=systemd"],
                "seccomp-profile": ["builtin"],
            },
            dns=["1.1.1.1"],
            ip="127.0.0.1",
            default_address_pools=[{"base": "10.9.0.0/16", "size": 26}],
            iptables=False,
            selinux_enabled=True,
        )
    )
    assert config.storage_driver == "overlay"
    assert config.cgroup_driver == "systemd"
    assert config.seccomp_profile == ""
    assert config.dns == ["1.1.1.1"]
    assert config.publish_address == "127.0.0.1"
    assert config.default_address_pools == [("10.9.0.0/16", 26)]
    assert not config.ip_masq  # no rules at all means none for masquerading
    assert config.warnings[0].startswith("WARNING: selinux-enabled")
