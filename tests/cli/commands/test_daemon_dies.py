"""The daemon dies under a command that has the terminal: the terminal is given back, and the command says so."""

from __future__ import annotations

import termios
from collections.abc import Iterator

import pytest

from tests.running import POGU, RunningDaemon, Terminal, running_daemon

pytestmark = pytest.mark.xdist_group("cli-commands")


@pytest.fixture
def own_daemon() -> Iterator[RunningDaemon]:
    with running_daemon() as daemon:
        yield daemon


def test_the_terminal_is_given_back(own_daemon: RunningDaemon) -> None:
    terminal = Terminal([str(POGU), "run", "-it", "--rm", "busybox", "sh"], own_daemon.environment())
    before = termios.tcgetattr(terminal.master)
    terminal.type("echo rea''dy\n")
    terminal.read_until("ready")
    assert termios.tcgetattr(terminal.master) != before
    own_daemon.kill()
    code = terminal.process.wait(30)
    assert code != 0
    assert termios.tcgetattr(terminal.master) == before
    terminal.end()
