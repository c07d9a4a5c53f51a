"""One daemon from start to end, as the system sees it: the ready line, signals, locks, systemd."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pogu.daemon.lock import read_pid
from tests.daemon.conftest import Make
from tests.running import POGU, RunningDaemon, eventually


def _ping(path: Path) -> bytes:
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(str(path))
        s.sendall(b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: s.recv(4096), b""))


def _start(daemon: RunningDaemon, *argv: str, **env: str) -> str:
    """Start `pogu up` with an environment of its own; return the line it prints when ready."""
    flags = ["--root", str(daemon.root), "--run", str(daemon.run_dir), "--bridge", daemon.bridge]
    with (daemon.home / "daemon.log").open("ab") as log:
        daemon.process = subprocess.Popen(
            argv or [str(POGU), "up", *flags, *daemon._flags],
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            close_fds=False,
        )
    assert daemon.process.stdout
    return daemon.process.stdout.readline().decode()


def test_one_line_when_ready_and_a_clean_end(make_daemon: Make) -> None:
    daemon = make_daemon()
    line = _start(daemon)
    assert line.startswith("Pogu ")
    assert f"is ready on {daemon.url} (root {daemon.root}, " in line
    assert _ping(daemon.socket).endswith(b"OK")
    assert daemon.process
    assert read_pid(daemon.run_dir / "pogu.pid") == daemon.process.pid
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(30) == 0
    assert daemon.process.stdout
    assert daemon.process.stdout.read() == b""
    assert not daemon.socket.exists()
    assert not (daemon.run_dir / "pogu.pid").exists()


def test_it_is_small_and_quick(make_daemon: Make) -> None:
    """Promised: ready within a second and under 80 MB. CPU seconds are held, which a busy machine does not stretch."""
    daemon = make_daemon("--oom-score-adjust", "7")
    _start(daemon)
    assert daemon.process
    assert Path(f"/proc/{daemon.process.pid}/oom_score_adj").read_text() == "7\n"
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    assert (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") < 1.5
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    assert int(status.partition("VmRSS:")[2].split()[0]) < 80 * 1024


def test_the_first_signal_waits_for_answers_and_the_second_does_not(make_daemon: Make) -> None:
    daemon = make_daemon()
    _start(daemon)
    assert daemon.process
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(daemon.socket))
        s.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(4096)
        os.kill(daemon.process.pid, signal.SIGSTOP)  # both signals are there before it can act on the first
        os.kill(daemon.process.pid, signal.SIGINT)
        os.kill(daemon.process.pid, signal.SIGTERM)
        os.kill(daemon.process.pid, signal.SIGCONT)
        assert daemon.process.wait(30) in {128 + signal.SIGTERM, 128 + signal.SIGINT}


class _Limited(RunningDaemon):
    def launcher(self) -> list[str]:
        return ["prlimit", "--nofile=700:5000"]


def test_it_allows_itself_more_files_than_its_containers() -> None:
    daemon = _Limited()
    try:
        daemon.start()
        assert daemon.process
        own = Path(f"/proc/{daemon.process.pid}/limits").read_text()
        assert re.search(r"^Max open files +5000 +5000 ", own, re.MULTILINE)
        daemon.load_image("busybox")
        show = ["busybox", "sh", "-c", "ulimit -Sn; ulimit -Hn"]
        assert daemon.docker("run", "--rm", *show).out.split() == ["700", "5000"]
        assert daemon.docker("run", "--rm", "--ulimit", "nofile=30:40", *show).out.split() == ["30", "40"]
    finally:
        daemon.close()


def test_two_daemons_never_share_a_root(make_daemon: Make) -> None:
    first = make_daemon()
    first.start()
    assert first.process
    done = subprocess.run(
        [POGU, "up", "--root", first.root, "--run", f"{first.run_dir}2"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"another Pogu daemon (process {first.process.pid}) is using {first.root}" in done.stderr
    assert _ping(first.socket).endswith(b"OK")


def test_killed_and_started_again(make_daemon: Make) -> None:
    daemon = make_daemon()
    daemon.start()
    daemon.kill()
    assert daemon.socket.exists()
    daemon.start()
    assert _ping(daemon.socket).endswith(b"OK")


def test_what_is_wrong_with_the_start_is_said(make_daemon: Make) -> None:
    daemon = make_daemon("--host", "tcp://0.0.0.0:0")
    with pytest.raises(RuntimeError, match=r"failed to start daemon: .*would give root access on this machine"):
        daemon.start()
    assert not daemon.socket.exists()


def test_systemd_hands_over_the_socket_and_is_told(make_daemon: Make, tmp_path: Path) -> None:
    daemon = make_daemon("-H", "fd://")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, socket.socket(socket.AF_UNIX) as activated:
        notify.bind(str(tmp_path / "notify"))
        activated.bind(str(tmp_path / "api.sock"))
        activated.listen()
        # What systemd does: the socket as descriptor 3 of a process that knows its own number.
        argv = [str(POGU), "up", "--root", str(daemon.root), "--run", str(daemon.run_dir), "--bridge", daemon.bridge]
        argv += ["-H", "fd://"]
        code = (
            f"import os; os.dup2({activated.fileno()}, 3); os.environ['LISTEN_PID'] = str(os.getpid()); "
            f"os.execv({str(POGU)!r}, {argv!r})"
        )
        activated.set_inheritable(True)
        line = _start(
            daemon,
            sys.executable,
            "-c",
            code,
            LISTEN_FDS="1",
            NOTIFY_SOCKET=str(tmp_path / "notify"),
            WATCHDOG_USEC="100000",
        )
        assert "is ready on fd://" in line
        assert notify.recv(1000).startswith(b"READY=1\n")
        assert _ping(tmp_path / "api.sock").endswith(b"OK")
        assert daemon.process
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(30) == 0
        told = [notify.recv(1000)]
        while told[-1] != b"STOPPING=1":
            told.append(notify.recv(1000))
        assert set(told[:-1]) == {b"WATCHDOG=1"}
        assert (tmp_path / "api.sock").exists()  # it is systemd's


def test_a_signal_writes_what_every_task_does(make_daemon: Make) -> None:
    daemon = make_daemon()
    daemon.start()
    assert daemon.process
    daemon.process.send_signal(signal.SIGUSR1)
    eventually(lambda: "tasks written to" in daemon.log())
    (written,) = daemon.run_dir.glob("tasks-*.log")
    assert "_Daemon.run at " in written.read_text()


def test_the_log_can_be_json_in_a_file(make_daemon: Make) -> None:
    daemon = make_daemon("--log-format", "json", "-D", "--group", "0")
    daemon._flags += ("--log-file", str(daemon.home / "own.log"))
    daemon.start()
    _ping(daemon.socket)
    daemon.stop()
    entries = [json.loads(line) for line in (daemon.home / "own.log").read_text().splitlines()]
    assert any(entry["msg"].startswith("GET /_ping: 200") for entry in entries)
    assert entries[-1]["msg"].startswith("stopping")
