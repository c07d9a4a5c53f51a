"""The daemon is killed with SIGKILL; containers, their logs and exit codes are there when it starts again."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator

import pytest

from tests.running import RunningDaemon, eventually, running_daemon


@pytest.fixture
def killed() -> Iterator[RunningDaemon]:
    """A daemon of the test's own, since the test kills it."""
    with running_daemon() as running:
        yield running


def _state(daemon: RunningDaemon, name: str) -> dict[str, object]:
    return dict(json.loads(daemon.docker("inspect", "-f", "{{json .State}}", name).out))


@pytest.mark.soak
def test_numbered_lines_survive_kills(
    killed: RunningDaemon, soak: Callable[[float, float], float], evidence: Callable[..., None]
) -> None:
    """Containers write a numbered line every 20 ms while the daemon is killed again and again: no line is missing."""
    containers = [f"w{i}" for i in range(int(soak(5, 20)))]
    count = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"
    for name in containers:
        killed.docker("run", "-d", "--name", name, "busybox", "sh", "-c", count)
    pids = {name: _state(killed, name)["Pid"] for name in containers}
    kills, checked = int(soak(4, 100)), 0
    for _ in range(kills):
        time.sleep(random.uniform(0.05, 0.6))
        killed.kill()
        time.sleep(random.uniform(0.0, 0.3))
        killed.start()
    for name in containers:
        state = _state(killed, name)
        assert (state["Running"], state["Pid"]) == (True, pids[name])
        killed.docker("kill", name)
        lines = [int(line) for line in killed.docker("logs", name).out.split()]
        assert lines == list(range(len(lines)))
        assert len(lines) > 20
        checked += len(lines)
    evidence(containers=len(containers), kills=kills, lines=checked, lost=0)


def test_an_exit_while_the_daemon_is_away_is_known(killed: RunningDaemon) -> None:
    killed.docker("run", "-d", "--name", "ends", "busybox", "sh", "-c", "sleep 1; echo last; exit 23")
    killed.docker("run", "-d", "--name", "removed", "--rm", "busybox", "sleep", "1")
    killed.docker("run", "-d", "--name", "again", "--restart", "always", "busybox", "sleep", "1")
    killed.kill()
    time.sleep(1.5)
    killed.start()
    eventually(lambda: _state(killed, "ends")["Status"] == "exited")
    assert _state(killed, "ends")["ExitCode"] == 23
    assert killed.docker("logs", "ends").out == "last"
    eventually(lambda: killed.docker("inspect", "removed", check=False).code == 1)
    eventually(lambda: int(killed.docker("inspect", "-f", "{{.RestartCount}}", "again").out) >= 1)


def test_everything_acknowledged_is_there(killed: RunningDaemon) -> None:
    killed.docker("volume", "create", "kept")
    killed.docker("network", "create", "net")
    killed.docker("create", "--name", "made", "--network", "net", "-v", "kept:/v", "busybox", "true")
    killed.docker("tag", "busybox", "other:1")
    killed.kill()
    killed.start()
    assert killed.docker("volume", "ls", "-q").out == "kept"
    assert killed.docker("network", "inspect", "-f", "{{.Name}}", "net").out == "net"
    assert killed.docker("image", "inspect", "-f", "{{.RepoTags}}", "other:1").out == "[busybox:latest other:1]"
    killed.docker("start", "made")
    assert killed.docker("wait", "made").out == "0"


def test_containers_go_on_after_a_clean_stop(killed: RunningDaemon) -> None:
    killed.docker("run", "-d", "--name", "on", "-p", "127.0.0.1::80", "busybox", "sleep", "1000")
    killed.docker("run", "-dit", "--name", "tty", "busybox", "cat")
    pid, port = _state(killed, "on")["Pid"], killed.docker("port", "on", "80").out
    assert killed.stop() == 0
    killed.start()
    assert _state(killed, "tty")["Running"] is True
    killed.docker("exec", "tty", "true")
    state = _state(killed, "on")
    assert (state["Status"], state["Pid"]) == ("running", pid)
    assert killed.docker("port", "on", "80").out == port
