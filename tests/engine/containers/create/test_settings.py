"""Checks of settings, in dockerd's words."""

from __future__ import annotations

import pytest

from pogu.engine.containers.create.settings import (
    check_cgroup_parent,
    check_config,
    check_host_config,
    check_modes_together,
)
from pogu.engine.containers.create.strings import check_security_options, check_strings
from pogu.engine.model import ContainerConfig, HealthConfig, HostConfig, Mount, PortBinding, RestartPolicy
from pogu.errors import InvalidArgument

POLICY = "invalid restart policy: "


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (ContainerConfig(working_dir="a"), "the working directory 'a' is invalid, it needs to be an absolute path"),
        (ContainerConfig(stop_signal="SIGNO"), "invalid signal: SIGNO"),
        (ContainerConfig(env=["=a"]), "invalid environment variable: =a"),
        (ContainerConfig(env=[""]), "invalid environment variable: "),
        (ContainerConfig(exposed_ports={"x/tcp": {}}), 'invalid port specification: "x/tcp"'),
        (ContainerConfig(exposed_ports={"70000/tcp": {}}), 'invalid port specification: "70000/tcp"'),
        (ContainerConfig(hostname="h" * 65), "is too long (maximum 64 bytes)"),
        (
            ContainerConfig(healthcheck=HealthConfig(test=["CMD", "x"], interval=1)),
            "Interval in Healthcheck cannot be less than 1ms",
        ),
        (
            ContainerConfig(healthcheck=HealthConfig(test=["CMD", "x"], timeout=-1)),
            "Timeout in Healthcheck cannot be less than 1ms",
        ),
        (
            ContainerConfig(healthcheck=HealthConfig(test=["CMD", "x"], retries=-1)),
            "Retries in Healthcheck cannot be negative",
        ),
    ],
)
def test_config(config: ContainerConfig, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_config(config)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("host", "message"),
    [
        (
            HostConfig(auto_remove=True, restart_policy=RestartPolicy(name="always")),
            "can't create 'AutoRemove' container with restart policy",
        ),
        (HostConfig(mounts=[Mount(type="x", target="/x")]), 'invalid mount config for type "x": mount type unknown'),
        (HostConfig(extra_hosts=["x"]), 'bad format for add-host: "x"'),
        (HostConfig(extra_hosts=["x:1.2"]), 'invalid IP address in add-host: "1.2"'),
        (HostConfig(port_bindings={"x": None}), 'invalid port specification: "x"'),
        (HostConfig(port_bindings={"80/tcp": [PortBinding(host_port="a")]}), 'invalid port specification: "a"'),
        (HostConfig(port_bindings={"80/tcp": [PortBinding(host_port="9-8")]}), 'invalid port specification: "9-8"'),
        (
            HostConfig(restart_policy=RestartPolicy(name="maybe")),
            POLICY + "unknown policy 'maybe'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'",
        ),
        (
            HostConfig(restart_policy=RestartPolicy(name="always", maximum_retry_count=1)),
            POLICY + "maximum retry count can only be used with 'on-failure'",
        ),
        (
            HostConfig(restart_policy=RestartPolicy(name="on-failure", maximum_retry_count=-1)),
            POLICY + "maximum retry count cannot be negative",
        ),
        (HostConfig(cap_add=["CAP_FLY"]), 'invalid CapAdd: unknown capability: "CAP_FLY"'),
        (HostConfig(cap_drop=["fly"]), 'invalid CapDrop: unknown capability: "fly"'),
        (HostConfig(isolation="hyperv"), "invalid isolation 'hyperv' on linux"),
        (HostConfig(ipc_mode="x"), "invalid IPC mode: x"),
        (HostConfig(ipc_mode="container:"), "invalid IPC mode: container:"),
        (HostConfig(pid_mode="x"), "invalid PID mode: x"),
        (HostConfig(uts_mode="x"), "invalid UTS mode: x"),
        (HostConfig(shm_size=-1), "SHM size can not be less than 0"),
        (HostConfig(oom_score_adj=1001), "Invalid value 1001, range for oom score adj is [-1000, 1000]"),
        (HostConfig(cgroupns_mode="x"), "invalid cgroup namespace mode: x"),
        (HostConfig(annotations={"": "x"}), "the empty string is not permitted as an annotation key"),
        (HostConfig(tmpfs={"x": ""}), "invalid mount path: 'x' mount path must be absolute"),
        (HostConfig(network_mode="host", sysctls={"net.a": "1"}), "not allowed in host network namespace"),
        (HostConfig(sysctls={"../x": "1"}), "is not a valid name"),
    ],
)
def test_host_config(host: HostConfig, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_host_config(host)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("config", "host", "message"),
    [
        (ContainerConfig(hostname="x"), HostConfig(uts_mode="host"), "hostname and the UTS mode"),
        (
            ContainerConfig(),
            HostConfig(network_mode="host", links=["a"]),
            "host type networking can't be used with links",
        ),
        (ContainerConfig(), HostConfig(network_mode="container:"), "invalid container format container:<name|id>"),
        (ContainerConfig(hostname="x"), HostConfig(network_mode="container:a"), "hostname and the network mode"),
        (ContainerConfig(), HostConfig(network_mode="container:a", dns=["1.1.1.1"]), "dns and the network mode"),
        (
            ContainerConfig(),
            HostConfig(network_mode="container:a", port_bindings={"80": None}),
            "port publishing and the container type network mode",
        ),
        (
            ContainerConfig(exposed_ports={"80": {}}),
            HostConfig(network_mode="container:a"),
            "port exposing and the container type network mode",
        ),
    ],
)
def test_together(config: ContainerConfig, host: HostConfig, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check_modes_together(config, host)
    assert message in caught.value.message


def test_what_is_fine_is_written_in_full() -> None:
    host = HostConfig(
        cap_add=["net_admin", "ALL"], cap_drop=["CAP_CHOWN"], extra_hosts=["a:::1", "b=[::2]", "c:host-gateway"]
    )
    check_host_config(host)
    assert (host.cap_add, host.cap_drop) == (["CAP_NET_ADMIN", "ALL"], ["CAP_CHOWN"])
    config = ContainerConfig(
        working_dir="//a/../b/", stop_signal="9", env=["A"], healthcheck=HealthConfig(test=["NONE"])
    )
    check_config(config)
    assert config.working_dir == "/b"


@pytest.mark.parametrize("text", ["a\nb", "a\0b"])
def test_no_line_feeds_in_what_becomes_a_line(text: str) -> None:
    for config, host in (
        (ContainerConfig(hostname=text), HostConfig()),
        (ContainerConfig(), HostConfig(extra_hosts=[text])),
        (ContainerConfig(), HostConfig(dns_options=[text])),
    ):
        with pytest.raises(InvalidArgument):
            check_strings(config, host)


@pytest.mark.parametrize("option", ["x", "x=y", "no-new-privileges=maybe", "seccomp"])
def test_security_options(option: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid --security-opt"):
        check_security_options(HostConfig(security_opt=[option]))


@pytest.mark.parametrize(
    ("parent", "driver"), [("", "systemd"), (None, "systemd"), ("a-b.slice", "systemd"), ("/a", "cgroupfs")]
)
def test_a_cgroup_parent(parent: str | None, driver: str) -> None:
    check_cgroup_parent(parent, driver)


@pytest.mark.parametrize("parent", ["/a", "a", ".slice"])
def test_systemd_has_slices_for_parents(parent: str) -> None:
    with pytest.raises(InvalidArgument, match="should be a valid slice named as"):
        check_cgroup_parent(parent, "systemd")
