"""Runtimes run from a read-only mount of their own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pogu.engine.runtime.programs import ReadOnlyProgram


def script(path: Path, text: str) -> str:
    part = path.with_suffix(".part")
    part.write_text(f"#!/bin/sh\necho {text}\n")
    part.chmod(0o755)
    part.rename(path)
    return str(path)


def said(program: str) -> str:
    return subprocess.check_output([program], text=True).strip()


def test_it_is_the_program_and_follows_its_upgrades(tmp_path: Path) -> None:
    program = ReadOnlyProgram(script(tmp_path / "prog", "one"), tmp_path / "run" / "prog")
    path = program.path()
    assert path == str(tmp_path / "run" / "prog")
    assert said(path) == "one"
    script(tmp_path / "prog", "two")
    assert said(path) == "one"  # what runs is what was looked at
    assert said(program.path()) == "two"
    assert os.statvfs(path).f_flag & os.ST_RDONLY
    program.close()
    program.close()


def test_a_program_that_is_not_there_is_left_to_whoever_runs_it(tmp_path: Path) -> None:
    assert ReadOnlyProgram(str(tmp_path / "none"), tmp_path / "link").path() == str(tmp_path / "none")
