"""`run` and `create`: streams, exit codes, signals, the terminal."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.running import POGU, RunningDaemon, Terminal, eventually


def test_streams_and_the_exit_code(daemon: RunningDaemon) -> None:
    ran = daemon.pogu("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3", check=False)
    assert (ran.code, ran.out, ran.err) == (3, "out", "err\n")


def test_input_of_any_size_goes_through(daemon: RunningDaemon) -> None:
    data = bytes(range(256)) * 8192
    assert daemon.pogu("run", "--rm", "-i", "busybox", "cat", input=data).raw == data


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (["busybox", "nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH'),
        (["busybox", "/etc"], 126, 'exec: "/etc": permission denied'),
        (["nosuch:image"], 125, "Unable to find image 'nosuch:image' locally"),
        (["--pull", "never", "nosuch:image"], 125, "No such image: nosuch:image"),
        (["--restart", "always", "busybox"], 125, "cannot specify both --restart and --rm"),
        (["--memory", "1x", "busybox"], 125, "invalid suffix: 'x'"),
        (["--nosuch", "busybox"], 125, "unknown flag: --nosuch"),
        (["--network", "container:nobody", "busybox"], 125, "nobody"),
    ],
)
def test_failures_before_the_container_runs(daemon: RunningDaemon, args: list[str], code: int, text: str) -> None:
    ran = daemon.pogu("run", "--rm", *args, check=False)
    assert ran.code == code, ran.err
    assert text in ran.err


def test_detached(daemon: RunningDaemon, name: str, tmp_path: Path) -> None:
    cidfile = tmp_path / "cid"
    id_ = daemon.pogu("run", "-d", "--name", name, "--cidfile", cidfile, "busybox", "true").out
    assert cidfile.read_text() == id_
    again = daemon.pogu("run", "-d", "--cidfile", cidfile, "busybox", "true", check=False)
    assert (again.code, "container ID file found" in again.err) == (125, True)
    assert daemon.pogu("wait", name).out == "0"
    daemon.pogu("rm", name)


def test_created_and_started(daemon: RunningDaemon, name: str) -> None:
    daemon.pogu("create", "-i", "--name", name, "busybox", "cat")
    assert daemon.pogu("start", "-ai", name, input="hello").out == "hello"
    daemon.pogu("rm", name)


def test_signals_are_passed_on(daemon: RunningDaemon, name: str) -> None:
    script = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done"
    with subprocess.Popen(
        [POGU, "run", "--rm", "--name", name, "busybox", "sh", "-c", script],
        env=daemon.environment(), stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "caught\n"
        assert process.wait(30) == 9


def test_a_terminal(daemon: RunningDaemon) -> None:
    terminal = Terminal([str(POGU), "run", "-it", "--rm", "busybox"], daemon.environment())
    terminal.read_until("# ")
    terminal.type("test -t 0 && echo is-a-$((1 + 1))-terminal; exit 4\n")
    terminal.read_until("is-a-2-terminal")
    assert terminal.end() == 4


def test_the_size_follows(daemon: RunningDaemon) -> None:
    import fcntl
    import struct
    import termios

    terminal = Terminal([str(POGU), "run", "-it", "--rm", "busybox"], daemon.environment())
    terminal.read_until("# ")
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.type("while [ \"$(stty size)\" != '33 77' ]; do sleep 0.1; done; echo the-$((30 + 3))-rows; exit\n")
    terminal.read_until("the-33-rows")
    assert terminal.end() == 0


def test_detaching_leaves_it_running(daemon: RunningDaemon, name: str) -> None:
    terminal = Terminal([str(POGU), "run", "-it", "--name", name, "busybox"], daemon.environment())
    terminal.read_until("# ")
    terminal.type(b"\x10\x11")
    assert terminal.end() == 0
    assert daemon.pogu("inspect", "-f", "{{.State.Status}}", name).out == "running"
    terminal = Terminal([str(POGU), "attach", name], daemon.environment())
    terminal.type("echo back-$((1 + 1)); exit 5\n")
    terminal.read_until("back-2")
    assert terminal.end() == 5
    daemon.pogu("rm", name)


def test_a_terminal_is_asked_for_where_there_is_none(daemon: RunningDaemon) -> None:
    ran = daemon.pogu("run", "-it", "--rm", "busybox", check=False)
    assert (ran.code, ran.err) == (1, "the input device is not a TTY\n")


def test_rm_removes_when_it_ends(daemon: RunningDaemon, name: str) -> None:
    daemon.pogu("run", "--rm", "--name", name, "busybox", "true")
    eventually(lambda: daemon.pogu("ps", "-aq", "--filter", f"name={name}").out == "")
