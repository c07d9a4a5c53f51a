"""The exit code that a supervisor left."""

from __future__ import annotations

import os
import time
from pathlib import Path

from pogu.engine.runtime import Exit
from pogu.engine.runtime.supervision import read_exit


def test_an_old_exit_has_the_time_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "exit").write_text("5")
    os.utime(tmp_path / "exit", ns=(10**18, 10**18))
    assert read_exit(tmp_path) == Exit(5, False, 10**18)


def test_a_new_exit_is_never_before_now(tmp_path: Path) -> None:
    before = time.time_ns()
    (tmp_path / "exit").write_text("0")
    assert read_exit(tmp_path).finished_ns >= before


def test_without_a_code_it_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "oom").touch()
    for text in (None, "", "x"):
        if text is not None:
            (tmp_path / "exit").write_text(text)
        end = read_exit(tmp_path)
        assert (end.code, end.oom) == (None, True)
    assert read_exit(tmp_path / "nowhere", oom=True).oom
