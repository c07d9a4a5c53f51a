"""The first process and later ones: environment, limits, scores."""

from __future__ import annotations

from typing import Any

import pytest

from pogu.engine.model import Container, ContainerConfig, HostConfig, Ulimit
from pogu.engine.runtime import HostFacts, ResolvedUser, exec_process, process_env
from pogu.engine.runtime.process import DEFAULT_PATH, oci_process, oom_score_adj, rlimits
from pogu.errors import InvalidArgument

USER = ResolvedUser(1000, 1000, [1000, 10], "/home/ann")
ROOTLESS = HostFacts(hard_limits={"nofile": 2000, "core": -1}, oom_score_adj=100)
FULL = HostFacts(capabilities=frozenset(["CAP_SYS_RESOURCE"]), hard_limits={"nofile": 2000})


def container(*args: str, host: HostConfig | None = None, **config: Any) -> Container:
    settings = ContainerConfig(hostname="box", **config)
    return Container(
        id="c" * 64,
        name="c",
        created="",
        image_id="",
        config=settings,
        host_config=host or HostConfig(),
        path=args[0] if args else "sh",
        args=list(args[1:]),
    )


def test_defaults_of_the_environment() -> None:
    assert process_env(container(), USER) == [f"PATH={DEFAULT_PATH}", "HOSTNAME=box", "HOME=/home/ann"]
    assert "TERM=xterm" in process_env(container(tty=True), USER)
    assert "TERM=xterm" not in process_env(container(tty=True), USER, terminal=False)


def test_later_entries_win_and_bare_names_take_away() -> None:
    found = process_env(
        container(env=["A=1", "PATH=/bin", "HOME=/h", "HOSTNAME", "E=a=b", "EMPTY="]),
        USER,
        links=["A=0", "L=1"],
        own=["E=2"],
    )
    assert found == ["PATH=/bin", "A=1", "L=1", "HOME=/h", "E=2", "EMPTY="]


def first(record: Container, **options: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "user": USER,
        "env": ["A=1"],
        "held": ["CAP_CHOWN"],
        "host": FULL,
        "no_new_privileges": False,
        "default_ulimits": {},
    }
    return oci_process(record, **(defaults | options))


def test_the_first_process() -> None:
    found = first(container("echo", "hi", working_dir="/srv"))
    assert found["args"] == ["echo", "hi"]
    assert found["cwd"] == "/srv"
    assert found["user"] == {"uid": 1000, "gid": 1000, "additionalGids": [1000, 10]}
    assert found["capabilities"]["bounding"] == ["CAP_CHOWN"]
    assert found["capabilities"]["inheritable"] == found["capabilities"]["ambient"] == []
    assert not {"rlimits", "oomScoreAdj", "consoleSize", "apparmorProfile"} & set(found)


def test_an_init_comes_before_the_command() -> None:
    assert first(container("echo", "hi"), init=True)["args"] == ["/sbin/docker-init", "--", "echo", "hi"]


def test_the_console_has_the_size_asked_for() -> None:
    size = HostConfig(console_size=[40, 100])
    assert first(container(tty=True, host=size))["consoleSize"] == {"height": 40, "width": 100}
    assert "consoleSize" not in first(container(host=size))
    assert "consoleSize" not in first(container(tty=True, host=HostConfig(console_size=[0, 0])))


def test_later_processes_inherit_what_they_do_not_say() -> None:
    base = first(container(tty=True, host=HostConfig(console_size=[40, 100])))
    found = exec_process(base, ["ls"], user=ResolvedUser(5, 6, [6]), env=["B=2"], host=FULL)
    assert (found["args"], found["env"], found["cwd"], found["terminal"]) == (["ls"], ["B=2"], "/", False)
    assert found["user"] == {"uid": 5, "gid": 6, "additionalGids": [6]}
    assert found["capabilities"]["bounding"] == ["CAP_CHOWN"]
    assert "consoleSize" not in found
    found = exec_process(
        base, ["ls"], user=USER, env=[], host=FULL, cwd="/x", privileged=True, terminal=True, console_size=[4, 9]
    )
    assert found["capabilities"]["effective"] == ["CAP_SYS_RESOURCE"]
    assert (found["cwd"], found["consoleSize"]) == ("/x", {"height": 4, "width": 9})


def test_limits_of_the_user_come_before_the_engines() -> None:
    found = rlimits([Ulimit(name="nofile", soft=10, hard=20)], {"nofile": (1, 1), "core": (0, -1)}, FULL)
    assert found == [
        {"type": "RLIMIT_NOFILE", "soft": 10, "hard": 20},
        {"type": "RLIMIT_CORE", "soft": 0, "hard": 2**64 - 1},
    ]


def test_limits_that_cannot_be_raised_are_cut() -> None:
    wanted = [Ulimit(name="nofile", soft=-1, hard=-1), Ulimit(name="core", soft=-1, hard=-1)]
    assert rlimits(wanted, {}, ROOTLESS)[0] == {"type": "RLIMIT_NOFILE", "soft": 2000, "hard": 2000}
    assert rlimits(wanted, {}, ROOTLESS)[1]["hard"] == 2**64 - 1
    assert rlimits([Ulimit(name="nofile", soft=9000, hard=9000)], {}, FULL)[0]["hard"] == 9000


@pytest.mark.parametrize("limit", [Ulimit(name="flights", soft=1, hard=1), Ulimit(name="nofile", soft=2, hard=1)])
def test_bad_limits(limit: Ulimit) -> None:
    with pytest.raises(InvalidArgument, match="ulimit"):
        rlimits([limit], {}, FULL)


def test_the_score_goes_as_low_as_it_may() -> None:
    assert oom_score_adj(-500, FULL) == -500
    assert oom_score_adj(-500, ROOTLESS) == 100
    assert oom_score_adj(500, ROOTLESS) == 500
