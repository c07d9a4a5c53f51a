"""The supervisor is killed, the OCI runtime fails at each of its commands, the host is rebooted."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.ground import FaultDaemon, until
from tests.running import mounts_under

WRAPPER = """#!/bin/sh
# an OCI runtime that fails at the command named in the file `fail-at`
for word in "$@"; do
  case $word in
    create|start|exec|delete|update|kill|state)
      if [ "$(cat {home}/fail-at 2>/dev/null)" = "$word" ]; then
        message="the $word was made to fail"
        for option in "$@"; do
          case $option in --log=*) echo "$message" >> "${{option#--log=}}";; esac
        done
        echo "$message" >&2
        exit 1
      fi
      break;;
  esac
done
exec crun "$@"
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[FaultDaemon]:
    running = FaultDaemon()
    wrapper = running.home / "wrapper"
    running._flags = ("--add-runtime", f"failing={wrapper}")
    try:
        wrapper.write_text(WRAPPER.format(home=running.home))
        wrapper.chmod(0o755)
        running.start()
        running.load_image("busybox")
        yield running
    finally:
        running.close()


def _inspect(daemon: FaultDaemon, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(daemon.docker("inspect", name).out)[0]
    return found


def _supervisor(daemon: FaultDaemon, id_: str) -> int:
    """Return the PID of a container's conmon."""
    record = json.loads((daemon.run_dir / "runtime" / id_ / "supervised.json").read_text())
    return int(record["conmon"][0])


def _lives(pid: int) -> bool:
    """Tell whether a process runs; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_killed_supervisor_ends_its_container_and_policies_act(daemon: FaultDaemon) -> None:
    """Nobody can know the exit code then, and the state says so."""
    daemon.docker("run", "-d", "--name", "plain", "busybox", "sleep", "1000")
    daemon.docker("run", "-d", "--name", "always", "--restart", "always", "busybox", "sleep", "1000")
    before = {name: _inspect(daemon, name) for name in ("plain", "always")}
    for found in before.values():
        os.kill(_supervisor(daemon, found["Id"]), signal.SIGKILL)
    until(lambda: _inspect(daemon, "plain")["State"]["Status"] == "exited")
    state = _inspect(daemon, "plain")["State"]
    assert state["ExitCode"] == 255
    assert "supervisor was killed" in state["Error"]
    until(lambda: _inspect(daemon, "always")["State"]["Pid"] not in (0, before["always"]["State"]["Pid"]))
    assert _inspect(daemon, "always")["RestartCount"] == 1
    for found in before.values():
        assert not _lives(found["State"]["Pid"])
    daemon.docker("start", "plain")
    daemon.docker("rm", "-f", "plain", "always")
    assert daemon.verify()["Problems"] == []


def test_a_supervisor_killed_while_the_daemon_is_away(daemon: FaultDaemon) -> None:
    daemon.docker("run", "-d", "--name", "away", "--restart", "on-failure", "busybox", "sleep", "1000")
    found = _inspect(daemon, "away")
    daemon.kill()
    os.kill(_supervisor(daemon, found["Id"]), signal.SIGKILL)
    daemon.start()
    until(lambda: _inspect(daemon, "away")["State"]["Pid"] not in (0, found["State"]["Pid"]))
    assert not _lives(found["State"]["Pid"])
    daemon.docker("rm", "-f", "away")
    assert daemon.verify()["Problems"] == []


@pytest.mark.parametrize("step", ["create", "start"])
def test_a_runtime_that_fails_at_a_start_leaves_nothing(daemon: FaultDaemon, step: str) -> None:
    daemon.docker("create", "--name", "fails", "--runtime", "failing", "-p", "127.0.0.1::80", "busybox", "sleep", "9")
    (daemon.home / "fail-at").write_text(step)
    refused = daemon.docker("start", "fails", check=False)
    assert refused.code == 1
    assert f"the {step} was made to fail" in refused.err
    assert _inspect(daemon, "fails")["State"]["Status"] == "created"
    assert daemon.verify()["Problems"] == []
    (daemon.home / "fail-at").unlink()
    daemon.docker("start", "fails")
    daemon.docker("rm", "-f", "fails")
    assert daemon.verify()["Problems"] == []


def test_a_runtime_that_fails_at_an_exec_leaves_the_container_running(daemon: FaultDaemon) -> None:
    daemon.docker("run", "-d", "--name", "fails", "--runtime", "failing", "busybox", "sleep", "1000")
    (daemon.home / "fail-at").write_text("exec")
    refused = daemon.docker("exec", "fails", "true", check=False)
    assert refused.code in (1, 126, 128)
    assert "the exec was made to fail" in refused.err + refused.out
    (daemon.home / "fail-at").unlink()
    daemon.docker("exec", "fails", "true")
    daemon.docker("rm", "-f", "fails")
    assert daemon.verify()["Problems"] == []


def test_a_runtime_that_cannot_delete_leaves_nothing_either(daemon: FaultDaemon) -> None:
    """What it should have removed is removed by the engine, which made sure that all processes have ended."""
    (daemon.home / "fail-at").write_text("delete")
    daemon.docker("run", "--name", "fails", "--runtime", "failing", "busybox", "sh", "-c", "exit 6", check=False)
    assert _inspect(daemon, "fails")["State"]["ExitCode"] == 6
    daemon.docker("rm", "fails")
    assert daemon.verify()["Problems"] == []
    (daemon.home / "fail-at").unlink()


def test_a_failing_runtime_is_tried_again_by_the_policy(daemon: FaultDaemon) -> None:
    """As with Docker a container that cannot be started at all is left alone, one that ran before is not forgotten."""
    daemon.docker(
        "run", "-d", "--name", "again", "--runtime", "failing", "--restart", "always", "busybox", "sleep", "1"
    )
    (daemon.home / "fail-at").write_text("create")
    until(lambda: "was made to fail" in _inspect(daemon, "again")["State"]["Error"])
    assert _inspect(daemon, "again")["State"]["Status"] == "exited"
    (daemon.home / "fail-at").unlink()
    daemon.docker("start", "again")
    daemon.docker("rm", "-f", "again")
    assert daemon.verify()["Problems"] == []


def _reboot(daemon: FaultDaemon) -> None:
    """Do to what this daemon has what a reboot does: everything that runs, everything in memory, another boot ID."""
    daemon.kill()
    for name in daemon.run_dir.glob("runtime/*/supervised.json"):
        record = json.loads(name.read_text())
        for pid, _ in (record["conmon"], record["init"]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    for group in daemon.groups():
        until(lambda g=group: not (g / "cgroup.procs").read_text())
        group.rmdir()
    for mount in reversed(mounts_under(daemon.home)):
        subprocess.run(["umount", "-l", mount], check=False)
    for link in json.loads(subprocess.check_output(["ip", "-j", "-d", "link", "show", "type", "bridge"])):
        if link["ifname"] == daemon.bridge or link["ifname"] == _bridge_of(daemon):
            subprocess.run(["ip", "link", "delete", link["ifname"]], check=True)
    for table in {o["table"]["name"] for o in _ruleset() if "table" in o} & _own_tables(daemon):
        subprocess.run(["nft", "delete", "table", "inet", table], check=True)
    subprocess.run(["rm", "-rf", daemon.run_dir], check=True)
    with sqlite3.connect(daemon.root / "state.db") as db:
        db.execute("UPDATE records SET data = ? WHERE kind = 'meta' AND id = 'boot-id'", (b"an earlier boot",))
    db.close()


def _ruleset() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(subprocess.check_output(["nft", "-j", "list", "ruleset"]))["nftables"]
    return found


def _own_tables(daemon: FaultDaemon) -> set[str]:
    return {v["table"] for o in _ruleset() for v in o.values() if daemon.bridge in json.dumps(v.get("elem", ""))}


def _bridge_of(daemon: FaultDaemon) -> str:
    with sqlite3.connect(daemon.root / "state.db") as db:
        rows = db.execute("SELECT id, data FROM records WHERE kind = 'network'").fetchall()
    db.close()
    return next("br-" + i[:12] for i, data in rows if json.loads(data)["Name"] == "net")


def test_a_reboot(daemon: FaultDaemon) -> None:
    """States are right, restart policies act, and ports and addresses come back."""
    daemon.docker("network", "create", "--subnet", "10.213.0.0/24", "net")
    run = ("run", "-d", "--network", "net")
    daemon.docker(*run, "--name", "always", "--restart", "always", "--ip", "10.213.0.7", "-p", "127.0.0.1:45711:80",
                  "-v", "kept:/v", "busybox", "sh", "-c", "date >> /v/starts; sleep 1000")  # fmt: skip
    daemon.docker(*run, "--name", "unless", "--restart", "unless-stopped", "busybox", "sleep", "1000")
    daemon.docker(*run, "--name", "stopped", "--restart", "unless-stopped", "busybox", "sleep", "1000")
    daemon.docker(*run, "--name", "failure", "--restart", "on-failure:3", "busybox", "sleep", "1000")
    daemon.docker(*run, "--name", "no", "busybox", "sleep", "1000")
    daemon.docker("kill", "stopped")
    before = {name: _inspect(daemon, name) for name in ("always", "unless", "failure", "no")}
    _reboot(daemon)
    daemon.start()
    for name in ("always", "unless", "failure"):
        was = before[name]["State"]["StartedAt"]
        until(lambda n=name, w=was: _inspect(daemon, n)["State"]["StartedAt"] != w)
        assert _inspect(daemon, name)["State"]["Status"] == "running"
    assert _inspect(daemon, "no")["State"]["Status"] == "exited"
    assert _inspect(daemon, "no")["State"]["ExitCode"] == 255
    assert _inspect(daemon, "stopped")["State"]["Status"] == "exited"
    settings = _inspect(daemon, "always")["NetworkSettings"]
    assert settings["Networks"]["net"]["IPAddress"] == "10.213.0.7"
    assert settings["Ports"]["80/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": "45711"}]
    until(lambda: len(daemon.docker("exec", "always", "cat", "/v/starts").out.splitlines()) == 2)
    assert daemon.verify()["Problems"] == []
    daemon.docker("rm", "-f", "always", "unless", "stopped", "failure", "no")
    daemon.docker("network", "rm", "net")
    assert daemon.verify()["Problems"] == []
