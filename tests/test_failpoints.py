"""Fail points do nothing unless armed, and then what they are told, once."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu import failpoints
from pogu.failpoints import step


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm({})


def _arm(text: str) -> None:
    assert failpoints.arm({failpoints.VARIABLE: text})


def test_nothing_is_armed_in_normal_use() -> None:
    assert not failpoints.arm({})
    step("anything")


def test_an_error_happens_once_at_its_number() -> None:
    _arm("a.b=ENOSPC@2;c=EIO")
    step("a.b")
    with pytest.raises(OSError) as raised:
        step("a.b")
    assert raised.value.errno == errno.ENOSPC
    step("a.b")
    with pytest.raises(OSError):
        step("c")


def test_every_step_is_noted(tmp_path: Path) -> None:
    file = tmp_path / "steps"
    _arm(f"*=note:{file};b=EIO")
    step("a")
    with pytest.raises(OSError):
        step("b")
    step("b")
    assert file.read_text().split() == ["a", "b"]


def test_a_kill_ends_the_process_at_once() -> None:
    code = "from pogu.failpoints import arm, step; arm({'POGU_FAILPOINTS': 'x=kill'}); step('x'); print('alive')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")


@pytest.mark.parametrize("text", ["a", "a=", "a=nonsense", "=kill", "a=kill@x", "a=kill@"])
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="POGU_FAILPOINTS"):
        failpoints.arm({failpoints.VARIABLE: text})


def test_a_file_arms_while_the_daemon_runs(tmp_path: Path) -> None:
    file = tmp_path / "armed"
    _arm(f"@{file}")
    step("a")
    part = tmp_path / "part"
    part.write_text("a=EIO")
    part.rename(file)
    with pytest.raises(OSError):
        step("a")
    step("a")
    part.write_text("")
    part.rename(file)
    step("a")
