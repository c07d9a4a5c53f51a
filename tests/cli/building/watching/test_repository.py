"""Repositories as sources of builds, with a real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pogu.cli.building.watching.repository import GitFailed, Repository, parse_repository
from pogu.cli.invoke import Failed


def _git(folder: Path, *words: str) -> str:
    name = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
    return subprocess.run(
        ["git", "-C", folder, *name, *words], capture_output=True, check=True, text=True
    ).stdout.strip()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A repository with two branches and an annotated tag."""
    folder = tmp_path / "origin"
    folder.mkdir()
    _git(folder, "init", "-q", "-b", "main")
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_text("first")
    _git(folder, "add", ".")
    _git(folder, "commit", "-q", "-m", "first")
    _git(folder, "tag", "-a", "v1", "-m", "v1")
    _git(folder, "branch", "other")
    (folder / "sub" / "file").write_text("second")
    _git(folder, "commit", "-q", "-a", "-m", "second")
    return folder


def test_commits_and_their_files(origin: Path, tmp_path: Path) -> None:
    second, first = _git(origin, "rev-parse", "main"), _git(origin, "rev-parse", "other")
    url = f"file://{origin}"
    assert Repository(url).commit() == Repository(url, "main").commit() == second
    assert Repository(url, "other").commit() == Repository(url, "v1").commit() == first
    with pytest.raises(GitFailed, match="has no nowhere"):
        Repository(url, "nowhere").commit()
    target = tmp_path / "target"
    target.mkdir()
    assert (Repository(url, "", "sub").check_out(first, target) / "file").read_text() == "first"


def test_directories_outside_are_refused(origin: Path, tmp_path: Path) -> None:
    for name in ("..", "no"):
        target = tmp_path / f"target-{name}"
        target.mkdir()
        with pytest.raises(GitFailed, match="no such directory"):
            Repository(f"file://{origin}", "", name).check_out(_git(origin, "rev-parse", "main"), target)


def test_what_is_written() -> None:
    assert parse_repository("https://h/r#b:d/e") == Repository("https://h/r", "b", "d/e")
    assert parse_repository("github.com/a/b") == Repository("https://github.com/a/b")
    assert str(parse_repository("u#b")) == "u#b"
    for text in ("", "--upload-pack=x", "u#-x"):
        with pytest.raises(Failed):
            parse_repository(text)
