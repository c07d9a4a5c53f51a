"""The daemon as systemd's service, at length: configuration, failures, and cgroups that systemd has a hand in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import eventually
from tests.vm.service import CGROUPS, DROP_INS, INSIDE, UNITS, Service

pytestmark = [
    pytest.mark.skipif(not INSIDE, reason="runs in the virtual machine"),
]


SYSTEMD_DRIVER = "[Service]\nEnvironment='POGU_OPTS=--exec-opt native.cgroupdriver=systemd'\n"


@pytest.fixture
def plain(service: Service) -> Iterator[Service]:
    """The service; what a test configures is undone, and its containers are removed."""
    yield service
    _restore(service)
    if ids := service.pogu("ps", "-aq").out.split():
        service.pogu("rm", "-f", *ids)


def _restore(service: Service) -> None:
    for file in (*DROP_INS.glob("*"), *UNITS.glob("pogu-test-*"), Path("/etc/pogu/daemon.json")):
        file.unlink(missing_ok=True)
    service.systemctl("daemon-reload")
    service.systemctl("reset-failed", "pogu.service", "pogu.socket", check=False)
    service.systemctl("restart", "pogu.socket", "pogu.service")


def _sleep(service: Service, name: str, *flags: str) -> Path:
    """Start a container that does nothing and return its cgroup."""
    service.pogu("run", "-d", "--name", name, *flags, "busybox", "sleep", "10000")
    return service.cgroup(name)


def test_the_whole_example_of_the_chapter(plain: Service) -> None:
    """With --bip the default bridge gets other addresses; nothing runs on it then."""
    options = "-D --storage-driver overlay --dns 8.8.8.8 --dns 8.8.4.4 --bip 172.18.0.0/19"
    plain.configure("override.conf", f"[Service]\nExecStart=\nExecStart=/usr/bin/pogu up -H fd:// {options}\n")
    assert plain.pogu("run", "--rm", "busybox", "hostname", "-i").out.startswith("172.18.")
    assert plain.pogu("info", "-f", "{{.Driver}} {{.Debug}}").out == "overlay2 true"


def test_a_configuration_that_is_wrong(plain: Service) -> None:
    """The unit fails with the reason in its status, and is not started for ever."""
    DROP_INS.mkdir(exist_ok=True)
    (DROP_INS / "wrong.conf").write_text("[Service]\nRestartSec=100ms\nEnvironment='POGU_OPTS=--storage-driver zfs'\n")
    plain.systemctl("daemon-reload")
    plain.systemctl("restart", "pogu.service", check=False)
    eventually(lambda: plain.property("ActiveState") == "failed", 120, 1)
    assert plain.property("Result") in {"start-limit-hit", "exit-code"}
    assert "graphdriver zfs is not supported" in plain.journal()


def test_reload(plain: Service) -> None:
    """`systemctl reload` sends SIGHUP: the files are read again, and what changed is in the journal."""
    before = plain.property("MainPID")
    Path("/etc/pogu").mkdir(exist_ok=True)
    Path("/etc/pogu/daemon.json").write_text(json.dumps({"labels": ["rack=7"]}))
    plain.systemctl("reload", "pogu")
    eventually(lambda: plain.pogu("info", "-f", "{{.Labels}}").out == "[rack=7]")
    assert plain.property("MainPID") == before
    assert plain.property("ActiveState") == "active"


def test_systemd_at_work_changes_no_limit(plain: Service) -> None:
    """systemd switches controllers on and off as its own units want them; those of containers stay."""
    group = _sleep(plain, "limited", "--memory", "64m", "--cpus", "0.5", "--pids-limit", "30", "--cpuset-cpus", "0")
    files = ("memory.max", "cpu.max", "pids.max", "cpuset.cpus.effective")

    def limits() -> list[str]:
        return [(group / name).read_text().strip() for name in files]

    wanted = [str(64 << 20), "50000 100000", "30", "0"]
    assert limits() == wanted
    (UNITS / "pogu-test-greedy.service").write_text(
        "[Service]\nExecStart=/bin/sleep 1000\nCPUQuota=50%\nMemoryMax=100M\nAllowedCPUs=0\nIOWeight=50\n"
    )
    plain.systemctl("daemon-reload")
    for action in ("start", "stop"):
        plain.systemctl(action, "pogu-test-greedy")
        assert limits() == wanted
    plain.systemctl("daemon-reexec")
    plain.systemctl("daemon-reload")
    assert limits() == wanted
    assert plain.pogu("exec", "limited", "cat", "/sys/fs/cgroup/memory.max").out == wanted[0]


@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_the_systemd_cgroup_driver(plain: Service, runtime: str) -> None:
    """Containers are scopes then, outlive the service as well, and no reload of systemd undoes their limits."""
    plain.configure("driver.conf", SYSTEMD_DRIVER)
    assert plain.pogu("info", "-f", "{{.CgroupDriver}} {{.CgroupVersion}}").out == "systemd 2"
    group = _sleep(plain, "scoped", "--runtime", runtime, "--memory", "64m", "--cpus", "0.5")
    scope = f"pogu-{plain.inspect('scoped', '.Id')}.scope"
    place = CGROUPS / "system.slice" / scope
    assert group == (place / "container" if runtime == "crun" else place)  # crun keeps to a group below systemd's
    assert plain.property("ActiveState", scope) == "active"
    assert plain.pogu("exec", "scoped", "cat", "/sys/fs/cgroup/memory.max").out == str(64 << 20)
    plain.systemctl("restart", "pogu")
    plain.pogu("update", "--memory", "128m", "--memory-swap", "128m", "--cpus", "0.7", "scoped")
    for action in ("daemon-reload", "daemon-reexec"):
        plain.systemctl(action)
        assert (group / "memory.max").read_text().strip() == str(128 << 20)
        assert (group / "cpu.max").read_text().strip() == "70000 100000"
    plain.pogu("pause", "scoped")
    assert "frozen 1" in (group / "cgroup.events").read_text()
    plain.pogu("unpause", "scoped")
    plain.pogu("rm", "-f", "scoped")
    eventually(lambda: plain.property("ActiveState", scope) == "inactive")
    assert not place.exists()


def test_slices_for_parents(plain: Service) -> None:
    plain.configure("driver.conf", SYSTEMD_DRIVER)
    refused = plain.pogu("run", "--rm", "--cgroup-parent", "/mine", "busybox", "true", check=False)
    assert 'should be a valid slice named as "xxx.slice"' in refused.err
    group = _sleep(plain, "sliced", "--cgroup-parent", "pogu-test.slice")
    assert group.is_relative_to(CGROUPS / "pogu.slice" / "pogu-test.slice")


def test_what_a_container_has_of_the_service(plain: Service) -> None:
    """Nothing: neither its limits nor its environment nor its place among cgroups."""
    show = "ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj; env | grep -c -E 'SOCKET|LISTEN|WATCHDOG|INVOCATION'"
    shown = plain.pogu("run", "--rm", "busybox", "sh", "-c", f"{show}; true").out.split()
    assert shown == ["1024", "524288", "0", "0"]


def test_privileged_containers_have_a_cgroup_namespace_too(plain: Service) -> None:
    """And may make groups of their own in it, as systemd in a container does."""
    script = "cat /proc/self/cgroup; mkdir /sys/fs/cgroup/inner && echo made"
    assert plain.pogu("run", "--rm", "--privileged", "busybox", "sh", "-c", script).out.split() == ["0::/", "made"]


def test_the_host_cgroup_namespace(plain: Service) -> None:
    shown = plain.pogu("run", "--rm", "--cgroupns", "host", "busybox", "cat", "/proc/self/cgroup").out
    assert shown.startswith("0::/pogu/")


def test_a_watchdog_that_barks(plain: Service) -> None:
    """A daemon that does not answer any more is replaced, and its containers go on."""
    group = _sleep(plain, "steady")
    plain.configure("watchdog.conf", "[Service]\nWatchdogSec=5\n")
    before = plain.property("MainPID")
    plain.systemctl("kill", "--kill-whom=main", "--signal=STOP", "pogu")
    eventually(lambda: plain.property("MainPID") not in {before, "0"}, 180, 1)
    eventually(lambda: plain.property("ActiveState") == "active", 120, 1)
    assert "populated 1" in (group / "cgroup.events").read_text()
    assert plain.pogu("exec", "steady", "echo", "alive").out == "alive"
