"""Section 디버깅과 문제 해결."""

from __future__ import annotations

import json

from tests.running import RunningDaemon, Terminal, docker_command


def test_exec_a_shell(harbour: RunningDaemon) -> None:
    harbour.docker("run", "-d", "--name", "name", "debian", "sleep", "100")
    shell = Terminal([docker_command(), "exec", "-ti", "name", "bash"], harbour.environment())
    shell.read_until(":/#")
    shell.type("exit\n")
    assert shell.end() == 0


def test_dangling_volumes_are_listed_and_removed(harbour: RunningDaemon) -> None:
    harbour.docker("volume", "create", "idle")
    harbour.docker("create", "-v", "busy:/data", "debian")
    listed = harbour.docker("volume", "ls", "-qf", "dangling=true").out.split()
    assert listed == ["idle"]
    harbour.docker("volume", "rm", *listed)
    assert harbour.docker("volume", "ls", "-q").out == "busy"


def test_the_obsolete_volumes_field(harbour: RunningDaemon) -> None:
    harbour.docker("create", "--name", "name", "-v", "kept:/data", "debian")
    shown = json.loads(harbour.docker("inspect", "-f", "{{ json .Volumes }}", "name").out)
    assert shown == {"/data": str(harbour.root / "volumes" / "kept" / "_data")}
