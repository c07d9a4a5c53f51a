"""The rules over facts: what is said of each kind of end."""

from __future__ import annotations

from typing import Any

import pytest

from pogu.engine.explaining import Explanation, Facts, Happening, explain_facts
from pogu.engine.explaining.starting import explain_start_failure
from pogu.engine.model import (
    Container,
    ContainerConfig,
    ContainerState,
    EndpointSettings,
    HealthConfig,
    HealthLog,
    HealthState,
    HostConfig,
    RestartPolicy,
)
from pogu.engine.moments import format_ns

NOW = 1_700_000_000 * 10**9
MINUTE = 60 * 10**9


def _explain(
    state: dict[str, Any],
    *happenings: Happening,
    host: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    lines: tuple[str, ...] = (),
    delay: float = 0.0,
    internal: frozenset[str] = frozenset(),
    **record: Any,
) -> Explanation:
    times = {"started_at": format_ns(NOW - 2 * MINUTE), "finished_at": format_ns(NOW - MINUTE)}
    container = Container(
        id="c" * 64,
        name="web",
        created=format_ns(NOW - 3 * MINUTE),
        image_id="sha256:0",
        config=ContainerConfig(image="app", **(config or {})),
        host_config=HostConfig(**(host or {})),
        state=ContainerState(**(times | state)),
        **({"path": "server", "args": ["-v"], "networks": {"bridge": EndpointSettings()}} | record),
    )
    return explain_facts(Facts(container, NOW, happenings, lines, delay, internal))


def _said(explanation: Explanation) -> str:
    return "\n".join([explanation.summary, *explanation.reasons, *explanation.advice])


def _kill(signal: int) -> Happening:
    return Happening("kill", NOW - MINUTE, signal)


START, STOP = Happening("start", NOW - 2 * MINUTE), Happening("stop", NOW - MINUTE)


def test_never_started() -> None:
    found = _explain({"status": "created"})
    assert found.summary == "web was created 3 minutes ago and has never been started."
    assert found.advice == ["pogu start web"]


def test_running() -> None:
    found = _explain({"status": "running", "running": True})
    assert found.summary == "web is running; it was started 2 minutes ago."
    assert (found.reasons, found.advice, found.lines) == ([], [], [])


def test_paused() -> None:
    found = _explain({"status": "paused", "running": True, "paused": True})
    assert "frozen" in found.summary
    assert found.advice == ["pogu unpause web"]


def test_could_not_be_started() -> None:
    error = (
        'OCI runtime create failed: unable to start container process: exec: "srv": executable file not found in $PATH'
    )
    found = _explain({"status": "created", "exit_code": 127, "error": error})
    assert found.summary == "web could not be started."
    assert "The image has no program `srv` in its PATH." in found.reasons
    assert f"The error was: {error}" in found.reasons
    again = _explain({"status": "exited", "exit_code": 127, "error": error})
    assert again.summary == "web could not be started."


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ('exec: "/app": stat /app: no such file or directory', "interpreter"),
        ('exec: "/etc": permission denied', "cannot be run"),
        ("exec format error", "another kind of processor"),
        ("Bind for 0.0.0.0:80 failed: port is already allocated", "is taken"),
        ("listen tcp 0.0.0.0:80: bind: address already in use", "is taken"),
        ("bind source path does not exist: /data/x", "`/data/x`"),
        ("network mine not found", "network"),
        ("unable to find user web: no matching entries in passwd file", "no user `web`"),
        ('chdir to cwd ("/app") set in config.json failed: no such file or directory', "working directory"),
        ("write /x: no space left on device", "disk is full"),
        ("No such container: db", "another container"),
        ("something new", "refused to start it"),
    ],
)
def test_errors_of_a_start(error: str, words: str) -> None:
    reason, advice = explain_start_failure(error)
    assert words in reason
    assert advice
    assert all("{p" not in line for line in advice)


@pytest.mark.parametrize(
    ("code", "happenings", "state", "words"),
    [
        (0, (START,), {}, "0 is success"),
        (0, (START, STOP), {}, "Somebody stopped it"),
        (1, (START,), {}, "failed of itself with 1"),
        (3, (START, _kill(15), STOP), {}, "It ended with 3 of its own when it was told to stop"),
        (126, (START,), {}, "cannot be executed"),
        (127, (START,), {}, "found no command"),
        (137, (START,), {}, "not by Pogu"),
        (137, (START, _kill(9)), {}, "Somebody sent it SIGKILL"),
        (137, (START, _kill(15), _kill(9), STOP), {}, "did not end in time"),
        (137, (START, Happening("oom", NOW)), {"oom_killed": True}, "no memory left"),
        (143, (START, _kill(15), STOP), {}, "It was ended by SIGTERM"),
        (143, (START, _kill(15)), {}, "Somebody sent it SIGTERM"),
        (143, (START,), {}, "because of SIGTERM"),
        (139, (START,), {}, "crashed (SIGSEGV)"),
        (134, (START,), {}, "crashed (SIGABRT)"),
        (130, (START,), {}, "because of SIGINT"),
        (255, (START,), {}, "failed of itself with 255"),
    ],
)
def test_exit_codes(code: int, happenings: tuple[Happening, ...], state: dict[str, Any], words: str) -> None:
    found = _explain({"status": "exited", "exit_code": code, **state}, *happenings, lines=("one", "two"))
    assert found.summary == f"web ended about a minute ago with exit code {code}."
    assert words in _said(found)
    assert found.lines == ["one", "two"]


def test_what_happened_in_an_earlier_run_does_not_count() -> None:
    found = _explain({"status": "exited", "exit_code": 143}, START, _kill(15), STOP, START)
    assert "because of SIGTERM, which did not come through Pogu" in _said(found)


def test_out_of_its_memory() -> None:
    oom = Happening("oom", NOW)
    found = _explain(
        {"status": "exited", "exit_code": 137, "oom_killed": True}, START, oom, START, oom, host={"memory": 64 << 20}
    )
    assert "it used more than its limit of 64m. That has happened 2 times." in _said(found)
    assert "pogu update -m 128m --memory-swap 128m web" in _said(found)


def test_only_a_shell() -> None:
    found = _explain({"status": "exited", "exit_code": 0}, START, path="bash", args=[])
    assert "is only a shell" in _said(found)
    assert "-it" in _said(found)


def test_waiting_for_the_next_start() -> None:
    policy = RestartPolicy(name="always")
    found = _explain(
        {"status": "restarting", "restarting": True, "exit_code": 1}, START, host={"restart_policy": policy},
        delay=0.8, restart_count=4,
    )  # fmt: skip
    assert "waits to be started again after exit code 1: its restart policy is always." in found.summary
    assert "is 0.8 s" in found.summary
    assert "Its restart policy (always) has started it 4 times again." in found.reasons


def test_as_often_as_the_policy_allows() -> None:
    policy = RestartPolicy(name="on-failure", maximum_retry_count=3)
    found = _explain({"status": "exited", "exit_code": 1}, host={"restart_policy": policy}, restart_count=3)
    assert "as often as the policy allows (3)" in _said(found)


def _health(status: str, streak: int, code: int, output: str = "") -> dict[str, Any]:
    log = [HealthLog(start="", end="", exit_code=code, output=output)] if streak else []
    return {"status": "running", "running": True, "health": HealthState(status, streak, log)}


TEST = {"healthcheck": HealthConfig(test=["CMD-SHELL", "curl -f localhost"])}


def test_health() -> None:
    found = _explain(_health("unhealthy", 3, 7, "refused\n"), config=TEST)
    assert "It is unhealthy: its probe (`curl -f localhost`) has failed 3 times in a row." in found.reasons
    assert "The last probe ended with 7 and said: refused" in found.reasons
    assert "pogu exec web curl -f localhost" in _said(found)
    assert "not in the image" in _said(_explain(_health("unhealthy", 3, 127), config=TEST))
    assert "took too long" in _said(_explain(_health("unhealthy", 3, -1), config=TEST))
    waiting = _explain(_health("starting", 0, 0), config=TEST)
    assert "waits for its first healthy probe" in waiting.summary
    assert "has not succeeded yet" in _said(waiting)
    assert "--health-start-period" in _said(_explain(_health("starting", 1, 1), config=TEST))
    assert _explain(_health("healthy", 0, 0), config=TEST).reasons == []


def test_networks() -> None:
    running = {"status": "running", "running": True}
    assert "--network none" in _said(_explain(running, host={"network_mode": "none"}))
    assert "disconnected from all" in _said(_explain(running, networks={}))
    assert "internal" in _said(_explain(running, internal=frozenset({"bridge"})))
    assert _explain(running, host={"network_mode": "host"}, networks={}).reasons == []
    assert _explain(running, host={"network_mode": "container:x"}, networks={}).reasons == []


def test_dead_and_going() -> None:
    assert "pogu rm -f web" in _said(_explain({"status": "dead", "dead": True, "error": "busy"}))
    assert _explain({"status": "removing"}).summary == "web is being removed."
