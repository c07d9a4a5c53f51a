"""Two daemons never share a directory, and a dead one is in nobody's way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pogu.daemon.lock import DirectoryLock, PidFile, read_pid
from pogu.errors import Conflict, InvalidArgument

_HOLD = """
import pathlib, sys
from pogu.daemon.lock import DirectoryLock
lock = DirectoryLock(pathlib.Path(sys.argv[1]))
print("locked", flush=True)
input()
"""


def test_the_second_is_told_which_process_is_the_first(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout
        first.stdout.readline()
        with pytest.raises(Conflict, match=rf"process {first.pid}\) is using {tmp_path}"):
            DirectoryLock(tmp_path)
        first.kill()
    DirectoryLock(tmp_path).release()


def test_released_and_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        lock = DirectoryLock(tmp_path / "new" / "place")
        assert read_pid(tmp_path / "new" / "place" / "daemon.lock") == os.getpid()
        lock.release()


def test_a_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidArgument, match="cannot use"):
        DirectoryLock(tmp_path / "file")


def test_pid_file(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "pogu.pid"
    file = PidFile(path)
    assert read_pid(path) == os.getpid()
    path.write_text("1")
    file.remove()
    assert path.exists()  # it is no longer ours
    path.write_text("garbage")
    assert read_pid(path) is None
    PidFile(path).remove()
    assert not path.exists()


def test_a_pid_file_of_a_living_daemon_is_respected(tmp_path: Path) -> None:
    path = tmp_path / "pogu.pid"
    with subprocess.Popen(
        [sys.executable, "-c", "print(1, flush=True); input()", "pogu up"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout
        other.stdout.readline()  # its command line can be read from now on
        path.write_text(str(other.pid))
        with pytest.raises(Conflict, match=f"process with PID {other.pid} is still running"):
            PidFile(path)
        other.kill()
    PidFile(path).remove()


def test_a_number_that_is_somebody_elses_now_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "pogu.pid"
    with subprocess.Popen(["sleep", "60"]) as other:
        path.write_text(str(other.pid))
        PidFile(path).remove()
        other.kill()
