"""The context on its way: what is in the archive."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from pogu.cli.building.packing import compressed, ignore_patterns, pack_context


def _members(pieces: Iterable[bytes]) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        return {member.name: member for member in tar}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with directories, a link, a hard link, a fifo and a socket's worth of modes."""
    for name in ("a", "dir/b", "dir/deep/c", "out/x", "out/keep/y"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "out").chmod(0o711)
    (tmp_path / "link").symlink_to("dir/b")
    os.link(tmp_path / "a", tmp_path / "z-same")
    return tmp_path


def test_everything_in_order_with_its_mode(tree: Path) -> None:
    found = _members(pack_context(tree, [], (), {}))
    assert sorted(found) == sorted("a dir dir/b dir/deep dir/deep/c link out out/keep out/keep/y out/x z-same".split())
    assert found["link"].linkname == "dir/b"
    assert found["z-same"].islnk()
    assert found["z-same"].linkname == "a"
    assert found["out"].mode == 0o711


def test_what_is_left_out_and_taken_back_in(tree: Path) -> None:
    found = _members(pack_context(tree, ["out", "dir", "!out/keep"], ("dir/deep/c",), {}))
    assert list(found) == ["a", "dir", "dir/deep", "dir/deep/c", "link", "out", "out/keep", "out/keep/y", "z-same"]
    assert found["out"].mode == 0o711  # a directory that comes for what is in it keeps its mode
    assert list(_members(pack_context(tree, ["*", "!dir"], (), {}))) == ["dir", "dir/b", "dir/deep", "dir/deep/c"]


def test_files_that_are_added(tree: Path) -> None:
    found = _members(pack_context(tree, ["*", "!a"], (), {"a": b"another", "new": b"1"}))
    assert {name: member.size for name, member in found.items()} == {"a": 7, "new": 1}
    assert list(_members(pack_context(None, (), (), {"Dockerfile": b"FROM x"}))) == ["Dockerfile"]


def test_the_dockerfiles_own_patterns_come_first(tree: Path) -> None:
    assert ignore_patterns(tree, "Dockerfile") == []
    (tree / ".dockerignore").write_text("# no\n/a/\n")
    assert ignore_patterns(tree, "Dockerfile") == ["a"]
    (tree / "Dockerfile.dockerignore").write_text("b\n")
    assert ignore_patterns(tree, "Dockerfile") == ["b"]
    assert ignore_patterns(tree, "") == ["a"]


def test_compressed() -> None:
    pieces = [os.urandom(100000), b"", b"x" * 100000]
    assert gzip.decompress(b"".join(compressed(pieces))) == b"".join(pieces)
