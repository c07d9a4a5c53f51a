"""What a container gets that nobody asked for."""

from __future__ import annotations

import pytest

from pogu.engine.config import EngineConfig
from pogu.engine.containers.create.defaults import fill_host_config
from pogu.engine.model import HostConfig


@pytest.mark.parametrize(
    ("wanted", "cgroup_v2", "daemon", "mode"),
    [
        (HostConfig(), True, "", "private"),
        (HostConfig(), False, "", "host"),
        (HostConfig(privileged=True), True, "", "private"),
        (HostConfig(privileged=True), False, "private", "host"),
        (HostConfig(), False, "private", "private"),
        (HostConfig(privileged=True), True, "host", "host"),
        (HostConfig(cgroupns_mode="host"), True, "private", "host"),
    ],
)
def test_the_cgroup_namespace(wanted: HostConfig, cgroup_v2: bool, daemon: str, mode: str) -> None:
    """On version 2 privileged containers have one of their own too, as in Docker."""
    fill_host_config(wanted, EngineConfig(default_cgroupns_mode=daemon), cgroup_v2)
    assert wanted.cgroupns_mode == mode
