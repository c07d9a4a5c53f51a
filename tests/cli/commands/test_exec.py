"""`exec`."""

from __future__ import annotations

import pytest

from tests.running import POGU, RunningDaemon, Terminal


def test_output_input_and_the_exit_code(daemon: RunningDaemon, sleeper: str) -> None:
    ran = daemon.pogu("exec", sleeper, "sh", "-c", "echo a; echo b >&2; exit 7", check=False)
    assert (ran.code, ran.out, ran.err) == (7, "a", "b\n")
    assert daemon.pogu("exec", "-i", sleeper, "cat", input="through").out == "through"
    ran = daemon.pogu("exec", "-e", "A=1", "-w", "/tmp", "-u", "65534", sleeper, "sh", "-c", "echo $A $PWD $(id -u)")
    assert ran.out == "1 /tmp 65534"


def test_detached(daemon: RunningDaemon, sleeper: str) -> None:
    assert daemon.pogu("exec", "-d", sleeper, "sh", "-c", "echo done > /f; sleep 60").out == ""
    assert daemon.pogu("exec", sleeper, "sh", "-c", "while [ ! -s /f ]; do sleep 0.1; done; cat /f").out == "done"


@pytest.mark.parametrize(("command", "code"), [("nosuch", 127), ("/etc", 126)])
def test_programs_that_cannot_be(daemon: RunningDaemon, sleeper: str, command: str, code: int) -> None:
    assert daemon.pogu("exec", sleeper, command, check=False).code == code


def test_nobody(daemon: RunningDaemon) -> None:
    ran = daemon.pogu("exec", "nobody", "true", check=False)
    assert (ran.code, ran.err) == (1, "Error response from daemon: No such container: nobody\n")


def test_a_terminal(daemon: RunningDaemon, sleeper: str) -> None:
    terminal = Terminal([str(POGU), "exec", "-it", sleeper, "sh"], daemon.environment())
    terminal.read_until("# ")
    terminal.type("test -t 1 && echo tty-$((2 + 3)); exit 6\n")
    terminal.read_until("tty-5")
    assert terminal.end() == 6
    terminal = Terminal([str(POGU), "exec", "-it", "--detach-keys", "ctrl-x", sleeper, "sh"], daemon.environment())
    terminal.read_until("# ")
    terminal.type(b"\x18")
    terminal.read_until("read escape sequence")
    assert terminal.end() == 1
