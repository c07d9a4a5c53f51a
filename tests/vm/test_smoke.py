"""The short run in the virtual machine: what most users do, on cgroup v2, with the daemon as systemd's service."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from tests.running import eventually
from tests.vm.service import INSIDE, Service

pytestmark = [
    pytest.mark.vm_smoke,
    pytest.mark.skipif(not INSIDE, reason="runs in the virtual machine"),
]


@pytest.fixture(scope="module")
def web(service: Service) -> str:
    """A web server on a network of its own, with a port published on the host's loopback address."""
    page = "mkdir /www; echo served > /www/index.html; echo up; exec httpd -f -h /www"
    service.pogu("network", "create", "lan")
    service.pogu(
        "run", "-d", "--name", "web", "--network", "lan", "-p", "127.0.0.1:8099:80", "--memory", "64m",
        "busybox", "sh", "-c", page,
    )  # fmt: skip
    return "web"


def _page() -> str:
    with urllib.request.urlopen("http://127.0.0.1:8099/", timeout=30) as answer:
        return str(answer.read().decode().strip())


def test_the_socket_has_started_the_service(service: Service) -> None:
    assert service.property("ActiveState") == "active"
    shown = service.systemctl("status", "pogu")
    assert "Active: active (running)" in shown
    assert 'Status: "Serving fd://pogu.socket"' in shown
    assert "is ready on fd://pogu.socket" in service.journal()


def test_the_host_has_all_it_takes(service: Service) -> None:
    shown = service.pogu("system", "check").out
    assert "[ok] control groups: version 2: cpu, cpuset, io, memory, pids" in shown
    assert "This host can run containers." in shown
    assert {line[:4] for line in shown.splitlines() if line.startswith("[")} <= {"[ok]", "[--]"}


def test_a_container_sees_its_own_limits(service: Service) -> None:
    """Its cgroup namespace is private, so /sys/fs/cgroup is its own group, with the files of version 2."""
    limits = ["--memory", "32m", "--memory-reservation", "16m", "--cpus", "0.5", "--cpu-shares", "512"]
    files = "memory.max memory.low memory.swap.max cpu.max cpu.weight pids.max"
    shown = service.pogu(
        "run", "--rm", *limits, "--pids-limit", "20", "busybox",
        "sh", "-c", f"cat /proc/self/cgroup; cd /sys/fs/cgroup; cat {files}; mkdir new 2>&1; cat cgroup.procs",
    ).out.splitlines()  # fmt: skip
    assert shown[:7] == ["0::/", str(32 << 20), str(16 << 20), str(32 << 20), "50000 100000", "20", "20"]
    assert shown[7] == "mkdir: can't create directory 'new': Read-only file system"
    assert shown[8] == "1"


def test_exec_logs_and_a_published_port(service: Service, web: str) -> None:
    assert service.pogu("exec", web, "cat", "/proc/1/comm").out == "httpd"
    assert service.pogu("logs", web).out == "up"
    eventually(lambda: _page() == "served")


def test_names_on_a_user_defined_network(service: Service, web: str) -> None:
    assert service.pogu("run", "--rm", "--network", "lan", "busybox", "wget", "-qO-", "http://web/").out == "served"


def test_stats(service: Service, web: str) -> None:
    shown = json.loads(service.pogu("stats", "--no-stream", "--format", "{{json .}}", web).out)
    assert shown["Name"] == web
    assert shown["PIDs"] == "1"
    used, _, limit = shown["MemUsage"].partition(" / ")
    assert limit == "64MiB"
    assert not used.startswith("0B")


def test_pause(service: Service, web: str) -> None:
    frozen = service.cgroup(web) / "cgroup.events"
    service.pogu("pause", web)
    assert "frozen 1" in frozen.read_text()
    assert service.inspect(web, ".State.Status") == "paused"
    service.pogu("unpause", web)
    assert "frozen 0" in frozen.read_text()


def test_out_of_memory(service: Service) -> None:
    done = service.pogu("run", "--name", "greedy", "--memory", "16m", "busybox", "tail", "/dev/zero", check=False)
    assert done.code == 137
    assert service.inspect("greedy", ".State.OOMKilled") == "true"
    service.pogu("rm", "greedy")


def test_a_kill_of_the_daemon(service: Service, web: str) -> None:
    """systemd starts it again; the container has not noticed."""
    before, init = service.property("MainPID"), service.inspect(web, ".State.Pid")
    service.systemctl("kill", "--kill-whom=main", "--signal=KILL", "pogu")
    eventually(lambda: service.property("NRestarts") == "1" and service.property("ActiveState") == "active", 120, 0.5)
    assert service.property("MainPID") != before
    assert service.inspect(web, ".State.Pid") == init
    assert service.pogu("exec", web, "echo", "alive").out == "alive"
    assert _page() == "served"


def test_options_in_a_drop_in(service: Service, web: str) -> None:
    """The chapter's `systemctl edit docker`, with a restart that leaves the container running."""
    options = "-D --storage-driver overlay --dns 8.8.8.8 --dns 8.8.4.4"
    init = service.inspect(web, ".State.Pid")
    service.configure("override.conf", f"[Service]\nExecStart=\nExecStart=/usr/bin/pogu up -H fd:// {options}\n")
    shown = service.systemctl("status", "pogu")
    assert "Drop-In: /etc/systemd/system/pogu.service.d" in shown
    assert "override.conf" in shown
    assert f"/usr/bin/pogu up -H fd:// {options}" in shown
    assert service.inspect(web, ".State.Pid") == init
    servers = service.pogu("run", "--rm", "busybox", "grep", "nameserver", "/etc/resolv.conf").out
    assert servers.splitlines() == ["nameserver 8.8.8.8", "nameserver 8.8.4.4"]
    assert "level=debug" in service.journal()


def test_stopping_the_service_leaves_containers_running(service: Service, web: str) -> None:
    """A stopped service is started by the next request, since the socket stays."""
    group = service.cgroup(web)
    assert not group.is_relative_to("/sys/fs/cgroup/system.slice/pogu.service")
    service.systemctl("stop", "pogu.service")
    assert service.property("ActiveState") == "inactive"
    assert service.property("Result") == "success"
    assert "populated 1" in (group / "cgroup.events").read_text()
    assert service.pogu("exec", web, "cat", "/sys/fs/cgroup/memory.max").out == str(64 << 20)


def test_what_is_removed_leaves_nothing(service: Service, web: str) -> None:
    group = service.cgroup(web)
    init = int(service.inspect(web, ".State.Pid"))
    service.pogu("stop", "-t", "1", web)
    service.pogu("rm", web)
    service.pogu("network", "rm", "lan")
    assert not group.exists()
    assert not Path(f"/proc/{init}").exists()
