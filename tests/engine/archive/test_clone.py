"""A copied tree is the same tree."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from pogu.engine.archive.clone import TreeCopier
from pogu.linux.paths import open_root, opened
from tests.engine.archive.tars import Member, tar, unpack

pytestmark = pytest.mark.root


def copy(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    with opened(open_root(source)) as old, opened(open_root(target)) as new:
        TreeCopier(old, new).copy()


def facts(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    xattrs = {n: os.getxattr(path, n, follow_symlinks=False) for n in os.listxattr(path, follow_symlinks=False)}
    return status.st_mode, status.st_uid, status.st_gid, status.st_rdev, status.st_mtime_ns, status.st_nlink, xattrs


def test_everything_is_as_it_was(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    unpack(
        tar(
            Member("d/", mode=0o1777, uid=1, gid=2, pax={"mtime": "5.000000001"}),
            Member("d/f", b"x" * 3_000_000, mode=0o6755, uid=3, gid=4, pax={"SCHILY.xattr.user.a": "b"}),
            Member("d/s", link="/nowhere", uid=5, gid=6),
            Member("e/h", link="=d/f"),
            Member("e/h2", link="=d/f"),
            Member("null", type=tarfile.CHRTYPE, device=(1, 3)),
            Member("pipe", type=tarfile.FIFOTYPE, mode=0o600),
        ),
        source,
    )
    source.chmod(0o711)
    os.chown(source, 7, 8)
    copy(source, target)
    paths = [p.relative_to(source) for p in source.rglob("*")]
    assert sorted(paths) == sorted(p.relative_to(target) for p in target.rglob("*"))
    for path in [*paths, Path()]:
        assert facts(source / path) == facts(target / path), path
    assert (target / "d" / "f").read_bytes() == b"x" * 3_000_000
    assert (target / "d" / "f").samefile(target / "e" / "h2")


def test_holes_stay_holes(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with (source / "f").open("wb") as f:
        f.write(b"start")
        f.seek(50 << 20)
        f.write(b"end")
        f.truncate(100 << 20)
    copy(source, tmp_path / "target")
    made = tmp_path / "target" / "f"
    assert made.stat().st_size == 100 << 20
    assert made.stat().st_blocks * 512 < 1 << 20
    with made.open("rb") as f:
        assert f.read(5) == b"start"
        f.seek(50 << 20)
        assert f.read(3) == b"end"


def test_links_are_copied_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "link").symlink_to(tmp_path / "outside")
    copy(tmp_path / "source", tmp_path / "target")
    assert (tmp_path / "target" / "link").is_symlink()
