"""`pogu explain` of containers that are really broken."""

from __future__ import annotations

import json

import pytest

from tests.running import RunningDaemon, eventually


def _explain(daemon: RunningDaemon, name: str) -> str:
    return daemon.pogu("explain", name).out


def _remove(daemon: RunningDaemon, name: str) -> None:
    daemon.pogu("rm", "-fv", name)


@pytest.mark.parametrize(
    ("options", "command", "words"),
    [
        ((), ("sh", "-c", "echo so far; nosuch-program"), ("exit code 127", "found no command", "nosuch-program")),
        ((), ("sh", "-c", "echo oops >&2; exit 3"), ("exit code 3", "failed of itself", "    oops")),
        (("--init",), ("sh", "-c", "kill -SEGV $$"), ("exit code 139", "crashed (SIGSEGV)")),
        ((), (), ("only a shell", "-it")),
        (("-m", "8m", "--memory-swap", "8m"), ("sh", "-c", "x=a; while :; do x=$x$x; done"),
         ("The kernel killed", "limit of 8m", "pogu update -m 16m")),
        (("--network", "none"), ("true",), ("--network none",)),
    ],
)  # fmt: skip
def test_ended(
    daemon: RunningDaemon, name: str, options: tuple[str, ...], command: tuple[str, ...], words: tuple[str, ...]
) -> None:
    daemon.pogu("run", "--name", name, *options, "busybox", *command, check=False)
    shown = _explain(daemon, name)
    assert [word for word in words if word not in shown] == [], shown
    _remove(daemon, name)


def test_a_program_that_the_image_has_not(daemon: RunningDaemon, name: str) -> None:
    assert daemon.pogu("run", "--name", name, "busybox", "nosuch-program", check=False).code == 127
    shown = _explain(daemon, name)
    assert shown.startswith(f"{name} could not be started.\nThe image has no program `nosuch-program` in its PATH.")
    _remove(daemon, name)


def test_never_started_stopped_and_paused(daemon: RunningDaemon, name: str) -> None:
    daemon.pogu("create", "--name", name, "busybox", "sleep", "1000")
    assert "has never been started" in _explain(daemon, name)
    daemon.pogu("start", name)
    assert "is running" in _explain(daemon, name)
    daemon.pogu("pause", name)
    assert f"pogu unpause {name}" in _explain(daemon, name)
    daemon.pogu("unpause", name)
    daemon.pogu("stop", "-t", "0", name)
    shown = _explain(daemon, name)
    assert "Somebody stopped it" in shown
    assert "was killed with SIGKILL" in shown
    daemon.pogu("start", name)
    daemon.pogu("kill", name)
    assert "Somebody sent it SIGKILL" in _explain(daemon, name)
    _remove(daemon, name)


def test_a_port_that_is_taken(daemon: RunningDaemon, name: str) -> None:
    daemon.pogu("run", "-d", "--name", f"{name}-first", "-p", "127.0.0.1::80", "busybox", "sleep", "1000")
    port = daemon.pogu("port", f"{name}-first", "80").out.rpartition(":")[2]
    ran = daemon.pogu("run", "-d", "--name", name, "-p", f"127.0.0.1:{port}:80", "busybox", "true", check=False)
    assert ran.code == 125
    assert "is taken by another container or program" in _explain(daemon, name)
    _remove(daemon, name)
    _remove(daemon, f"{name}-first")


def test_a_loop_of_crashes(daemon: RunningDaemon, name: str) -> None:
    daemon.pogu("run", "-d", "--name", name, "--restart", "always", "busybox", "sh", "-c", "echo dying; exit 9")
    eventually(lambda: "times again" in _explain(daemon, name))
    eventually(lambda: "waits to be started again after exit code 9" in _explain(daemon, name))
    shown = _explain(daemon, name)
    assert "dying" in shown
    assert f"pogu update --restart no {name}" in shown or "is running" in shown
    _remove(daemon, name)


def test_a_failing_probe(daemon: RunningDaemon, name: str) -> None:
    daemon.pogu("run", "-d", "--name", name, "--health-cmd", "echo no answer; exit 4", "--health-interval", "100ms",
                "--health-retries", "2", "busybox", "sleep", "1000")  # fmt: skip
    eventually(lambda: "It is unhealthy" in _explain(daemon, name))
    assert "The last probe ended with 4 and said: no answer" in _explain(daemon, name)
    _remove(daemon, name)


def test_forms(daemon: RunningDaemon, name: str) -> None:
    daemon.pogu("create", "--name", name, "busybox")
    found = json.loads(daemon.pogu("explain", "--format", "json", name).out)
    assert (found["Name"], found["Status"], found["Advice"]) == (f"/{name}", "created", [f"pogu start {name}"])
    assert daemon.pogu("explain", "--format", "{{.Status}}", name).out == "created"
    _remove(daemon, name)
    ran = daemon.pogu("explain", name, check=False)
    assert (ran.code, ran.err) == (1, f"Error response from daemon: No such container: {name}\n")
