"""What a stack of layers shows is what overlayfs shows."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.engine.archive.directories import OPAQUE
from pogu.engine.storage.lower import LowerLayers, MergedDirectory
from pogu.linux.mounts import MNT_DETACH, mount, unmount

pytestmark = pytest.mark.root
NAMES = "abc"


def fill(directory: Path, random_: random.Random, depth: int = 3) -> None:
    """Make a random layer: files, links, directories, whiteouts and opaque marks."""
    for name in NAMES:
        path = directory / name
        match random_.choice(["file", "link", "dir", "dir", "opaque", "gone", "none"]):
            case "file":
                path.write_text(str(path))
            case "link":
                path.symlink_to("a")
            case "gone":
                os.mknod(path, stat.S_IFCHR, 0)
            case "dir" | "opaque" as kind:
                path.mkdir()
                if kind == "opaque":
                    os.setxattr(path, OPAQUE, b"y")
                if depth:
                    fill(path, random_, depth - 1)
            case _:
                pass


@pytest.fixture
def merged(tmp_path: Path) -> Iterator[Path]:
    target = tmp_path / "merged"
    target.mkdir()
    yield target
    unmount(target, MNT_DETACH)


def assert_same(shown: Path, found: MergedDirectory, path: str) -> None:
    # the kernel lists whiteouts where nothing is merged, as names that lead nowhere
    assert sorted(found.names()) == sorted(p.name for p in shown.iterdir() if os.path.lexists(p)), path
    for name in NAMES:
        child = found.child(name)
        if child is None:
            assert not os.path.lexists(shown / name), f"{path}/{name}"
            continue
        status, _, below = child
        assert stat.S_IFMT(status.st_mode) == stat.S_IFMT((shown / name).lstat().st_mode), f"{path}/{name}"
        if below is not None:
            assert_same(shown / name, below, f"{path}/{name}")


@pytest.mark.parametrize("seed", range(12))
def test_random_stacks_look_as_the_kernel_shows_them(tmp_path: Path, merged: Path, seed: int) -> None:
    random_ = random.Random(seed)
    layers = [tmp_path / f"layer{i}" for i in range(4)]
    for layer in layers:
        layer.mkdir()
        fill(layer, random_)
    mount("overlay", merged, "overlay", data="lowerdir=" + ":".join(str(layer) for layer in layers))
    assert_same(merged, MergedDirectory.of(layers), "")


def test_entries_for_what_an_archive_leaves_out(tmp_path: Path) -> None:
    top, bottom = tmp_path / "top", tmp_path / "bottom"
    (top / "d").mkdir(parents=True)
    (bottom / "d" / "deep").mkdir(parents=True)
    (bottom / "d" / "deep").chmod(0o710)
    (bottom / "link").symlink_to("d")
    (bottom / "file").write_text("")
    lower = LowerLayers(MergedDirectory.of([top, bottom]))
    deep = lower.find("d/deep")
    assert deep is not None
    assert (deep.is_dir, deep.mode) == (True, 0o710)
    link = lower.find("link")
    assert link is not None
    assert link.link == "d"
    assert lower.find("file") is None
    assert lower.find("link/deep") is None
    assert lower.find("no/such") is None
    assert sorted(lower.names("d")) == ["deep"]
    assert lower.names("no/such") == []
