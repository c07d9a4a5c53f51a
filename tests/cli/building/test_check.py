"""`--check`: mistakes without a build."""

from __future__ import annotations

from pathlib import Path

import pytest

from pogu.cli.main import run


def test_mistakes_are_shown_where_they_stand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nCOPY left-out /\nCMD sh\n")
    (tmp_path / ".dockerignore").write_text("left-out\n")
    assert run(["build", "--check", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "Check complete, 2 warnings have been found!" in shown
    assert "WARNING: CopyIgnoredFile - https://docs.docker.com/go/dockerfile/rule/copy-ignored-file/" in shown
    assert "Dockerfile:3\n" in shown
    assert "   3 | >>> CMD sh" in shown


def test_nothing_to_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Dockerfile").write_text('FROM busybox\nCMD ["sh"]\n')
    assert run(["build", "--check", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "Check complete, no warnings found.\n"


def test_a_file_that_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Dockerfile").write_text("FROM busybox\nNOPE\n")
    assert run(["build", "--check", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "   2 | >>> NOPE" in out
    assert "unknown instruction: NOPE" in err
