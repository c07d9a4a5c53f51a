"""Section 기본 구조: the table of docker's subcommands, a row a test."""

from __future__ import annotations

import json

import pytest

from tests.running import RunningDaemon, eventually


@pytest.fixture
def nginx(with_nginx: RunningDaemon) -> RunningDaemon:
    with_nginx.docker("run", "-d", "--name", "nginx", "nginx")
    return with_nginx


def test_info(harbour: RunningDaemon) -> None:
    shown = harbour.docker("info").out
    for line in (
        "Containers:",
        "Images:",
        "Server Version:",
        "Storage Driver: overlay",
        "Kernel Version:",
        "OSType: linux",
    ):
        assert line in shown


def test_ps(nginx: RunningDaemon) -> None:
    nginx.docker("create", "--name", "stopped", "debian")
    assert nginx.docker("ps", "--format", "{{.Names}}").out == "nginx"


def test_version(harbour: RunningDaemon) -> None:
    shown = harbour.docker("version").out
    assert "Client" in shown
    assert "Server" in shown


def test_rm(harbour: RunningDaemon) -> None:
    harbour.docker("create", "--name", "gone", "debian")
    assert harbour.docker("rm", "gone").out == "gone"
    assert harbour.docker("ps", "-a", "--format", "{{.Names}}").out == ""


def test_rmi(harbour: RunningDaemon) -> None:
    harbour.docker("tag", "debian", "other:1")
    assert "Untagged: other:1" in harbour.docker("rmi", "other:1").out


def test_images(harbour: RunningDaemon) -> None:
    names = harbour.docker("images", "--format", "{{.Repository}}:{{.Tag}}").out.split()
    assert {"debian:latest", "debian:bookworm"} <= set(names)


def test_inspect(nginx: RunningDaemon) -> None:
    (shown,) = json.loads(nginx.docker("inspect", "nginx").out)
    assert shown["Config"]["Cmd"] == ["nginx", "-g", "daemon off;"]
    assert shown["State"]["Running"] is True


def test_logs(harbour: RunningDaemon) -> None:
    harbour.docker("run", "--name", "talks", "debian", "sh", "-c", "echo out; echo err >&2")
    logs = harbour.docker("logs", "talks")
    assert (logs.out, logs.err.strip()) == ("out", "err")


def test_exec(nginx: RunningDaemon) -> None:
    assert nginx.docker("exec", "nginx", "cat", "/proc/1/comm").out == "nginx"


def test_run(harbour: RunningDaemon) -> None:
    assert harbour.docker("run", "debian", "echo", "ran").out == "ran"


def test_start_and_stop(nginx: RunningDaemon) -> None:
    assert nginx.docker("stop", "nginx").out == "nginx"
    assert nginx.docker("inspect", "-f", "{{.State.Status}}", "nginx").out == "exited"
    assert nginx.docker("start", "nginx").out == "nginx"
    assert nginx.docker("inspect", "-f", "{{.State.Status}}", "nginx").out == "running"


def test_top(nginx: RunningDaemon) -> None:
    eventually(lambda: "nginx: master process" in nginx.docker("top", "nginx").out)  # it names itself so a little later
