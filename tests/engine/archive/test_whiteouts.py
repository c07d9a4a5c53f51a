"""`.wh.` entries: overlayfs' own marks, or removals from a tree that holds the layers below already."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pogu.engine.archive import ExtractOptions, Whiteouts
from pogu.engine.archive.directories import OPAQUE
from pogu.engine.storage.lower import LowerLayers, MergedDirectory
from tests.engine.archive.tars import Member, tar, unpack

pytestmark = pytest.mark.root

DELETE = ExtractOptions(whiteouts=Whiteouts.DELETE)
OVERLAY = ExtractOptions(whiteouts=Whiteouts.OVERLAY)


def tree(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*"))


def is_whiteout(path: Path) -> bool:
    status = path.lstat()
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_opaque(path: Path) -> bool:
    return OPAQUE in os.listxattr(path)


def test_overlay_gets_a_device_and_an_attribute(tmp_path: Path) -> None:
    unpack(tar("d/", "d/.wh.gone", "o/", "o/.wh..wh..opq", "o/new", "o/.wh..wh.plnk"), tmp_path, OVERLAY)
    assert tree(tmp_path) == ["d", "d/gone", "o", "o/new"]
    assert is_whiteout(tmp_path / "d" / "gone")
    assert is_opaque(tmp_path / "o")
    assert not is_opaque(tmp_path / "d")


def test_no_device_where_there_is_nothing_to_hide(tmp_path: Path) -> None:
    """overlayfs would list it as a broken name."""
    below = tmp_path / "below"
    unpack(tar("there/", "there/x", "o/", "o/x", "o/sub/", "o/sub/x", "late/", "late/sub/", "late/sub/x"), below)
    options = ExtractOptions(whiteouts=Whiteouts.OVERLAY, lower=LowerLayers(MergedDirectory.of([below])))
    opaque = ["o/", "o/.wh..wh..opq", "o/.wh.x", "o/sub/", "o/sub/.wh.x"]
    late = ["late/", "late/sub/", "late/sub/.wh.x", "late/.wh..wh..opq"]
    unpack(tar("there/", "there/.wh.x", "there/.wh.y", "new/", "new/.wh.x", *opaque, *late), tmp_path / "out", options)
    assert [p for p in tree(tmp_path / "out") if is_whiteout(tmp_path / "out" / p)] == ["there/x"]


def test_a_whiteout_spares_what_its_own_archive_brings(tmp_path: Path) -> None:
    unpack(tar("f", ".wh.f", "d/", "d/x", ".wh.d"), tmp_path, OVERLAY)
    assert (tmp_path / "f").read_text() == "f"
    assert (tmp_path / "d" / "x").is_file()
    assert is_opaque(tmp_path / "d")


def test_a_name_brought_back_after_its_whiteout_does_not_show_what_was_below(tmp_path: Path) -> None:
    unpack(tar(".wh.d", "d/", "d/x", ".wh.f", "f", ".wh.e", "e/implied"), tmp_path, OVERLAY)
    assert is_opaque(tmp_path / "d")
    assert (tmp_path / "f").read_text() == "f"
    assert is_opaque(tmp_path / "e")
    assert (tmp_path / "e" / "implied").is_file()


def test_an_opaque_root_hides_each_name_below(tmp_path: Path) -> None:
    below = tmp_path / "below"
    unpack(tar("a", "b/"), below)
    lower = LowerLayers(MergedDirectory.of([below]))
    out = tmp_path / "out"
    unpack(tar(".wh..wh..opq", "new"), out, ExtractOptions(whiteouts=Whiteouts.OVERLAY, lower=lower))
    assert {p.name for p in out.iterdir() if is_whiteout(p)} == {"a", "b"}
    assert (out / "new").is_file()


def test_directories_left_out_look_as_in_the_layers_below(tmp_path: Path) -> None:
    below = tmp_path / "below"
    unpack(tar(Member("tmp/", mode=0o1777, gid=7, mtime=5), Member("lib", link="usr/lib"), "usr/lib/"), below)
    lower = LowerLayers(MergedDirectory.of([below]))
    out = tmp_path / "out"
    unpack(tar("tmp/x", "lib/libc"), out, ExtractOptions(whiteouts=Whiteouts.OVERLAY, lower=lower))
    status = (out / "tmp").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_gid, status.st_mtime) == (0o1777, 7, 5)
    assert (out / "lib").readlink() == Path("usr/lib")
    assert (out / "usr" / "lib" / "libc").is_file()


def test_deleting_removes_at_once(tmp_path: Path) -> None:
    unpack(tar("d/", "d/gone/", "d/gone/x", "d/stays"), tmp_path)
    unpack(tar("d/", "d/.wh.gone", "d/.wh.never-was"), tmp_path, DELETE)
    assert tree(tmp_path) == ["d", "d/stays"]


@pytest.mark.parametrize("first", [True, False])
def test_deleting_by_an_opaque_mark_spares_what_its_own_archive_brings(tmp_path: Path, first: bool) -> None:
    unpack(tar("o/", "o/old", "o/both/", "o/both/old", "o/both/kept"), tmp_path)
    new = ["o/new", "o/both/", Member("o/both/kept", b"new")]
    mark = ["o/.wh..wh..opq"]
    unpack(tar("o/", *(mark + new if first else new + mark)), tmp_path, DELETE)
    assert tree(tmp_path) == ["o", "o/both", "o/both/kept", "o/new"]
    assert (tmp_path / "o" / "both" / "kept").read_bytes() == b"new"


def test_deleting_a_directory_that_the_archive_brings_anew_removes_the_old_content(tmp_path: Path) -> None:
    unpack(tar("d/", "d/old"), tmp_path)
    unpack(tar("d/", "d/new", ".wh.d"), tmp_path, DELETE)
    assert tree(tmp_path) == ["d", "d/new"]
