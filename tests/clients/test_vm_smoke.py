"""A short run on another kind of host: the virtual machine, with systemd and cgroup v2.

The test without a mark boots the machine and runs the marked ones in it (`scripts/vm/run.sh smoke`).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.running import RunningDaemon

INSIDE = Path("/proc/cmdline").read_text().find("pogu.tests=") >= 0


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.skipif(INSIDE, reason="this is the virtual machine")
def test_the_virtual_machine() -> None:
    lists = ["test", "vm"]
    subprocess.run([REPOSITORY / "scripts/setup.sh", *lists], check=True, capture_output=True)
    env = {**os.environ, "VM_TIMEOUT": "900"}
    done = subprocess.run(
        [REPOSITORY / "scripts/vm/run.sh", "smoke"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.vm_smoke
@pytest.mark.skipif(not INSIDE, reason="runs in the virtual machine")
class TestInside:
    """Run with `pogu` alone: there is no docker command in the machine."""

    def test_run(self, vm_daemon: RunningDaemon) -> None:
        assert vm_daemon.pogu("run", "--rm", "busybox", "echo", "hello").out == "hello"

    def test_limits_are_the_v2_files(self, vm_daemon: RunningDaemon) -> None:
        limits = ["--memory", "32m", "--cpus", "0.5", "--pids-limit", "20"]
        shown = vm_daemon.pogu(
            "run", "--rm", *limits, "busybox", "sh", "-c", "cd /sys/fs/cgroup; cat memory.max cpu.max pids.max"
        ).out.split()
        assert shown == [str(32 << 20), "50000", "100000", "20"]

    def test_exec_logs_and_stop(self, vm_daemon: RunningDaemon) -> None:
        vm_daemon.pogu(
            "run", "-d", "--name", "c", "-p", "127.0.0.1:8099:80", "busybox", "sh", "-c", "echo up; sleep 1000"
        )
        assert vm_daemon.pogu("exec", "c", "cat", "/proc/1/comm").out == "sh"
        assert vm_daemon.pogu("logs", "c").out == "up"
        vm_daemon.pogu("stop", "-t", "1", "c")
        vm_daemon.pogu("rm", "c")

    def test_containers_survive_a_kill(self, vm_daemon: RunningDaemon) -> None:
        vm_daemon.pogu("run", "-d", "--name", "k", "busybox", "sleep", "1000")
        vm_daemon.kill()
        vm_daemon.start()
        assert vm_daemon.pogu("exec", "k", "echo", "alive").out == "alive"
        vm_daemon.pogu("rm", "-f", "k")
