"""Directories by the paths archives use, made where they are missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.engine.archive.directories import Directories
from pogu.linux.paths import open_root, opened


@pytest.fixture
def directories(tmp_path: Path) -> Iterator[Directories]:
    (tmp_path / "root").mkdir()
    with opened(open_root(tmp_path / "root")) as fd:
        found = Directories(fd)
        yield found
        found.close()


def where(fd: int) -> str:
    return str(Path(f"/proc/self/fd/{fd}").readlink())


def test_the_root_and_what_is_below_it(directories: Directories, tmp_path: Path) -> None:
    assert where(directories.get("")) == str(tmp_path / "root")
    assert where(directories.get("a/b")) == str(tmp_path / "root" / "a" / "b")
    assert list(directories.implied) == ["a", "a/b"]


def test_missing_parents_behind_links_are_made_inside(directories: Directories, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "absolute").symlink_to("/made/here")
    (root / "climbing").symlink_to("../../../../made/there")
    (root / "chain").symlink_to("absolute")
    assert where(directories.get("absolute/x")) == str(root / "made" / "here" / "x")
    assert where(directories.get("climbing")) == str(root / "made" / "there")
    assert where(directories.get("chain/x")) == str(root / "made" / "here" / "x")
    assert not Path("/made").exists()


def test_without_leave_to_make_them_they_are_missing(directories: Directories) -> None:
    with pytest.raises(FileNotFoundError):
        directories.get("a", make=False)


@pytest.mark.parametrize("links", [{"a": "b", "b": "a"}, {"a": "a/x"}])
def test_circles_end(directories: Directories, tmp_path: Path, links: dict[str, str]) -> None:
    for name, target in links.items():
        (tmp_path / "root" / name).symlink_to(target)
    with pytest.raises(OSError, match="symbolic links"):
        directories.get("a/below")


def test_a_file_on_the_way_is_an_error(directories: Directories, tmp_path: Path) -> None:
    (tmp_path / "root" / "f").write_text("")
    with pytest.raises(NotADirectoryError):
        directories.get("f/x")


def test_what_was_replaced_is_looked_up_anew(directories: Directories, tmp_path: Path) -> None:
    root = tmp_path / "root"
    kept = directories.get("kept")
    directories.get("a")
    (root / "a").rmdir()
    (root / "a").symlink_to("kept")
    directories.forget(but=kept)
    assert directories.get("kept") == kept
    assert where(directories.get("a")) == str(root / "kept")
