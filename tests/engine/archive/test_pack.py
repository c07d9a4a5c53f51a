"""Archives of trees hold what other tar readers expect, and unpack to the same tree."""

from __future__ import annotations

import io
import os
import socket
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest

from pogu.engine.archive import pack
from pogu.engine.archive.directories import OPAQUE
from pogu.engine.archive.writer import TarWriter
from pogu.linux.mounts import mount, unmount
from pogu.linux.paths import open_root, opened
from tests.engine.archive.tars import Member, names, tar, unpack

pytestmark = pytest.mark.root


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    unpack(
        tar(
            Member("etc/", mode=0o750, uid=5, gid=6),
            Member("etc/conf", b"key = value\n", mode=0o640, uid=7, gid=8),
            Member("etc/link", link="conf"),
            Member("etc/hard", link="=etc/conf"),
            Member("dev/null", type=tarfile.CHRTYPE, device=(1, 3), mode=0o666),
            Member("fifo", type=tarfile.FIFOTYPE),
            Member("suid", b"#!", mode=0o4755, pax={"SCHILY.xattr.user.note": "hello"}),
            Member("big", bytes(range(256)) * 4000),
        ),
        root,
    )
    return root


async def packed(root: Path, path: str = "/", name: str | None = None, *, whiteouts: bool = False) -> bytes:
    return b"".join([c async for c in pack(root, path, name, whiteouts=whiteouts)])


async def test_the_archive_in_another_readers_eyes(tree: Path) -> None:
    data = await packed(tree)
    assert names(data) == [
        "big", "dev", "dev/null", "etc", "etc/conf", "etc/hard", "etc/link", "fifo", "suid"
    ]  # fmt: skip
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        conf, hard = archive.getmember("etc/conf"), archive.getmember("etc/hard")
        assert (conf.mode, conf.uid, conf.gid, conf.size) == (0o640, 7, 8, 12)
        assert (hard.type, hard.linkname) == (tarfile.LNKTYPE, "etc/conf")
        assert archive.getmember("etc/link").linkname == "conf"
        null = archive.getmember("dev/null")
        assert (null.type, null.devmajor, null.devminor) == (tarfile.CHRTYPE, 1, 3)
        assert archive.getmember("suid").pax_headers["SCHILY.xattr.user.note"] == "hello"
        assert archive.getmember("suid").mode == 0o4755


async def test_packing_and_unpacking_gives_the_same_tree(tree: Path, tmp_path: Path) -> None:
    unpack(await packed(tree), tmp_path / "copy")
    for path in sorted(tree.rglob("*")):
        old, new = path.lstat(), (tmp_path / "copy" / path.relative_to(tree)).lstat()
        same = ("st_mode", "st_uid", "st_gid", "st_nlink", "st_rdev")
        assert [getattr(old, field) for field in same] == [getattr(new, field) for field in same], path
        assert int(old.st_mtime) == int(new.st_mtime) or stat.S_ISDIR(old.st_mode)
    subprocess.run(["diff", "-r", "--no-dereference", tree / "etc", tmp_path / "copy" / "etc"], check=True)


async def test_gnu_tar_lists_it_without_a_word(tree: Path) -> None:
    (tree / ("n" * 200)).write_text("long")
    (tree / "한글").write_text("utf-8")
    listed = subprocess.run(["tar", "-t"], input=await packed(tree), capture_output=True, check=True)
    assert listed.stderr == b""
    assert b"n" * 200 in listed.stdout


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("/etc", None, ["etc", "etc/conf", "etc/hard", "etc/link"]),
        ("/etc", "renamed", ["renamed", "renamed/conf", "renamed/hard", "renamed/link"]),
        ("/etc", "", ["conf", "hard", "link"]),
        ("etc/conf", None, ["conf"]),
        ("etc/link", None, ["link"]),
    ],
)
async def test_parts_of_a_tree_under_any_name(tree: Path, path: str, name: str | None, expected: list[str]) -> None:
    assert names(await packed(tree, path, name)) == expected


async def test_sockets_are_left_out(tree: Path) -> None:
    server = socket.socket(socket.AF_UNIX)
    fd = os.open(tree, os.O_RDONLY)
    server.bind(f"/proc/self/fd/{fd}/socket")
    os.close(fd)
    server.close()
    assert "socket" not in names(await packed(tree))


async def test_overlays_marks_become_whiteouts(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    os.mknod(tmp_path / "d" / "gone", stat.S_IFCHR, 0)
    (tmp_path / "o").mkdir()
    os.setxattr(tmp_path / "o", OPAQUE, b"y")
    (tmp_path / "o" / "new").write_text("new")
    assert names(await packed(tmp_path, whiteouts=True)) == ["d", "d/.wh.gone", "o", "o/.wh..wh..opq", "o/new"]


async def test_a_missing_path_is_an_error(tree: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await packed(tree, "/no/such")


async def test_a_link_in_the_path_stays_inside(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("outside")
    (tree / "out").symlink_to(tmp_path / "secret")
    (tree / "inside").symlink_to("/etc")
    with pytest.raises(FileNotFoundError):
        await packed(tree, "/out/file")
    assert names(await packed(tree, "/inside/conf")) == ["conf"]
    assert names(await packed(tree, "/inside/", "x")) == ["x", "x/conf", "x/hard", "x/link"]


def test_a_file_that_shrinks_while_it_is_read_keeps_the_archive_whole(tmp_path: Path) -> None:
    file = tmp_path / "shrinking"
    file.write_bytes(b"x" * 3_000_000)
    out = bytearray()

    def emit(data: bytes) -> None:
        out.extend(data)
        if len(out) < 1_000_000:
            os.truncate(file, 1_000_000)

    writer = TarWriter(emit)
    with opened(open_root(tmp_path)) as fd:
        writer.add_path(fd, "shrinking", "shrinking")
    writer.finish()
    with tarfile.open(fileobj=io.BytesIO(bytes(out))) as archive:
        member = archive.next()
        assert member is not None
        content = archive.extractfile(member)
        assert content is not None
        assert content.read() == (b"x" * 1_000_000).ljust(3_000_000, b"\0")
        assert archive.next() is None


async def test_files_that_the_kernel_makes_up() -> None:
    """They say a size that they have not, and some can only be written."""
    data = await packed(Path("/sys/kernel/mm"), "/", "mm")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = [m for m in archive if m.isreg()]
        assert files
        assert all(m.size < 4096 for m in files)
    assert "self/comm" in names(await packed(Path("/proc/self/task"), f"/{os.getpid()}", "self"))


async def test_what_the_kernel_mounts_is_an_empty_directory(tree: Path) -> None:
    (tree / "proc").mkdir()
    (tree / "other").mkdir()
    mount("proc", tree / "proc", "proc")
    mount("tmpfs", tree / "other", "tmpfs")
    try:
        (tree / "other" / "kept").write_bytes(b"1")
        found = names(await packed(tree))
        assert [n for n in found if n.startswith(("proc", "other"))] == ["other", "other/kept", "proc"]
        assert names(await packed(tree, "/proc")) == ["proc"]
        assert "sys/kernel/ostype" in names(await packed(tree, "/proc/sys"))
    finally:
        unmount(tree / "proc")
        unmount(tree / "other")
