"""The files for systemd and SysV say what the command understands, and the script works."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pogu.cli import manual
from pogu.daemon.commands import up
from pogu.daemon.lock import read_pid
from pogu.daemon.settings.resolve import DEFAULT_RUN
from tests.daemon.conftest import Make, make_daemon
from tests.running import POGU, REPOSITORY, eventually

__all__ = ["make_daemon"]

PACKAGING = REPOSITORY / "packaging"


def _unit(path: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(PACKAGING / path)
    return parser


@pytest.mark.parametrize("path", ["systemd/pogu.service", "systemd/pogu.service.d/10-example.conf"])
def test_the_unit_starts_a_command_that_is_right(path: str) -> None:
    program, command, *args = shlex.split(_unit(path)["Service"]["ExecStart"].replace("$POGU_OPTS", ""))
    assert (program, command) == ("/usr/bin/pogu", "up")
    up.parse(args)  # raises for an option there is none of


def test_stopping_the_unit_leaves_containers_alone() -> None:
    service = _unit("systemd/pogu.service")["Service"]
    assert (service["Type"], service["KillMode"], service["Delegate"]) == ("notify", "process", "yes")
    assert service["ExecReload"] == "/bin/kill -s HUP $MAINPID"


def test_the_socket_is_where_the_command_looks() -> None:
    socket = _unit("systemd/pogu.socket")["Socket"]
    assert Path(socket["ListenStream"]) == DEFAULT_RUN / "pogu.sock"
    assert (socket["SocketMode"], socket["SocketGroup"]) == ("0660", "pogu")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    for name in ("pogu.service", "pogu.socket"):
        text = (PACKAGING / "systemd" / name).read_text().replace("/usr/bin/pogu", str(POGU))
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *tmp_path.iterdir()], capture_output=True, text=True, check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "pogu" in line] == []


def _install(destination: Path, *what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PACKAGING / "install.sh", *what], capture_output=True, text=True, check=False,
        env={**os.environ, "DESTDIR": str(destination), "PYTHON": sys.executable},
    )  # fmt: skip


def test_every_file_goes_where_the_table_says(tmp_path: Path) -> None:
    done = _install(tmp_path, "man", "completion", "systemd", "sysv")
    assert (done.returncode, done.stderr) == (0, "")
    table = re.findall(r"^\| (.*?) \| (.*) \|$", (PACKAGING / "README.md").read_text(), re.MULTILINE)
    places = [place for what, text in table if "drop-in" not in text for place in re.findall(r"`(/\S+)`", text)]
    assert len(places) >= 8
    installed = {f"/{path.relative_to(tmp_path)}" for path in tmp_path.rglob("*") if path.is_file()}
    for place in places:
        assert any(path.startswith(place) for path in installed), place
    assert all(path.startswith(tuple(places)) for path in installed)
    for source in ("systemd/pogu.service", "systemd/pogu.socket"):
        assert (tmp_path / "usr/lib/systemd/system" / Path(source).name).read_text() == (PACKAGING / source).read_text()
    modes = {path: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
    assert {str(path.relative_to(tmp_path)) for path, mode in modes.items() if mode != 0o644} == {"etc/init.d/pogu"}
    completion = (tmp_path / "usr/share/bash-completion/completions/pogu").read_text()
    assert completion == subprocess.run([POGU, "completion", "bash"], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not shutil.which("man"), reason="needs man")
def test_man_finds_the_pages(tmp_path: Path) -> None:
    assert _install(tmp_path, "man").returncode == 0
    pages = tmp_path / "usr/share/man"
    assert {path.stem for path in (pages / "man1").iterdir()} == {name for name, _ in manual.pages()}
    for words in (["pogu"], ["pogu", "run"], ["pogu-volume-ls"]):
        found = subprocess.run(["man", "-M", pages, "-w", *words], capture_output=True, text=True, check=True).stdout
        assert found == f"{pages}/man1/{'-'.join(words)}.1\n"


def test_what_cannot_be_installed(tmp_path: Path) -> None:
    assert _install(tmp_path, "nonsense").returncode == 2
    assert _install(tmp_path).stderr.startswith("Puts files into the places")
    assert list(tmp_path.iterdir()) == []


def test_the_sysv_script(make_daemon: Make) -> None:
    daemon = make_daemon()
    defaults = daemon.home / "defaults"
    defaults.write_text(
        f"POGU={POGU}\nPOGU_RUN={daemon.run_dir}\nHTTP_PROXY=http://proxy.example\n"
        f'POGU_OPTS="--root {daemon.root} --bridge {daemon.bridge} --label a=b"\n'
    )

    def script(action: str) -> tuple[int, str]:
        env = {**os.environ, "POGU_DEFAULTS": str(defaults)}
        done = subprocess.run(
            [PACKAGING / "sysv" / "pogu", action], env=env, capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout + done.stderr

    assert script("status") == (3, "Pogu is not running\n")
    code, text = script("start")
    assert (code, "is ready on" in text) == (0, True), text
    first = read_pid(daemon.run_dir / "pogu.pid")
    assert script("status") == (0, f"Pogu is running (process {first})\n")
    assert script("start") == (0, "Pogu is running already\n")
    assert daemon.docker("info", "-f", "{{.Labels}} {{.HTTPProxy}}").out == "[a=b] http://proxy.example"
    assert script("reload")[0] == 0
    eventually(lambda: "reloaded configuration" in (daemon.root / "daemon.log").read_text())
    assert script("restart")[0] == 0
    assert read_pid(daemon.run_dir / "pogu.pid") != first
    assert script("stop") == (0, "")
    assert script("status")[0] == 3
    assert script("nonsense")[0] == 2
