"""`pogu up` and `pogu down` as people type them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pogu.daemon.lock import read_pid
from pogu.daemon.settings import OPTIONS
from tests.daemon.conftest import Make
from tests.running import POGU, RunningDaemon


def _pogu(*args: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [POGU, *args], capture_output=True, text=True, check=False, env={**os.environ, **env}, timeout=60
    )


def test_validate(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"debug": true, "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 64, "Soft": 32}}}')
    bad.write_text('{"debgu": true}')
    done = _pogu("up", "--validate", "--config-file", good)
    assert (done.returncode, done.stdout) == (0, "configuration OK\n")
    done = _pogu("up", "--validate", "--config-file", bad)
    assert done.returncode == 1
    assert done.stderr == (
        f"unable to configure the Pogu daemon with file {bad}: "
        "the following directives don't match any configuration option: debgu\n"
    )


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (["--mtu", "x"], 1, 'invalid argument "x" for "--mtu" flag'),
        (["--nosuch"], 125, "unknown flag: --nosuch"),
        (["-Z"], 125, "unknown shorthand flag: 'Z' in -Z"),
        (["--mtu"], 125, "--mtu"),
        (["extra"], 1, "accepts no arguments"),
        (["--debug=perhaps"], 125, 'invalid argument "perhaps" for "-D, --debug" flag'),
        (["--config-file", "/nowhere.json"], 1, "open /nowhere.json: no such file or directory"),
    ],
)
def test_wrong_command_lines(args: list[str], code: int, text: str) -> None:
    done = _pogu("up", "--validate", *args)
    assert (done.returncode, text in done.stderr) == (code, True), done.stderr


def test_every_option_is_in_the_help() -> None:
    text = _pogu("up", "--help").stdout
    flags = {flag for option in OPTIONS for flag in option.flags if flag.startswith("--")}
    assert {flag for flag in flags if f"{flag} " not in text and f"{flag}\n" not in text} <= {"--root", "--run"}
    assert "--data-root" in text


def test_detached_and_down(make_daemon: Make) -> None:
    daemon = make_daemon()
    where = ["--root", daemon.root, "--run", daemon.run_dir]
    done = _pogu("up", "--detach", *where, "--bridge", daemon.bridge)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Pogu ")
    assert done.stdout.count("\n") == 1
    pid = read_pid(daemon.run_dir / "pogu.pid")
    assert pid
    assert os.getsid(pid) == pid  # a session of its own: the terminal's end is not its end
    assert _pogu("ps", POGU_HOST=daemon.url).returncode == 0

    again = _pogu("up", "--detach", *where)
    assert again.returncode == 1
    assert "another Pogu daemon" in again.stderr

    done = _pogu("down", "--run", daemon.run_dir)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not daemon.socket.exists()
    done = _pogu("down", "--run", daemon.run_dir)
    assert done.returncode == 0
    assert "no Pogu daemon is running" in done.stderr


def test_down_leaves_containers_running_unless_told(make_daemon: Make) -> None:
    daemon = make_daemon()
    daemon.start()
    daemon.load_image("busybox")
    try:
        id_ = daemon.pogu("run", "-d", "busybox", "sh", "-c", "trap exit TERM; while :; do sleep 0.1; done").out
        pid = daemon.pogu("inspect", "-f", "{{.State.Pid}}", id_).out
        daemon.pogu("down", "--run", daemon.run_dir)
        assert Path(f"/proc/{pid}").exists()
        daemon._reap()
        daemon.start()
        assert daemon.pogu("inspect", "-f", "{{.State.Pid}} {{.State.Status}}", id_).out == f"{pid} running"
        daemon.pogu("down", "--containers", "--run", daemon.run_dir)
        daemon._reap()
        daemon.start()
        assert daemon.pogu("inspect", "-f", "{{.State.Status}}", id_).out == "exited"
    finally:
        daemon.close()


def test_system_check(daemon: RunningDaemon) -> None:
    done = _pogu("system", "check", "--root", daemon.root)
    assert done.returncode == 0
    assert "[ok] overlay: works" in done.stdout
    assert "This host can run containers" in done.stdout
