"""`docker cp`: what it is told about a path, what it takes out, and what it may put in."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pogu.engine.archive import copying, get_archive, go_mode, put_archive, resolve, stat_path
from pogu.engine.archive.copying import normalise
from pogu.errors import InvalidArgument, NotFound
from tests.engine.archive.tars import MTIME, Member, names, tar, unpack

pytestmark = pytest.mark.root
GO_DIR, GO_SYMLINK = 1 << 31, 1 << 27


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "root"
    unpack(
        tar(
            "etc/",
            Member("etc/passwd", b"root:x:0:0", mode=0o4644),
            Member("link", link="/etc/passwd"),
            Member("dirlink", link="etc"),
            Member("broken", link="etc/no/../where"),
            Member("loop", link="loop"),
            Member("host", link=str(tmp_path / "host")),
        ),
        directory,
    )
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "secret").write_text("the host's")
    return directory


async def chunks(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 1000):
        yield data[at : at + 1000]


async def got(root: Path | int, path: str) -> bytes:
    return b"".join([c async for c in get_archive(root, path)])


async def test_a_file(root: Path) -> None:
    found = await stat_path(root, "/etc/passwd")
    assert (found.name, found.size, found.mtime_ns, found.link_target) == ("passwd", 10, MTIME * 10**9, "")
    assert found.mode == 1 << 23 | 0o644


@pytest.mark.parametrize(
    ("path", "name", "mode"),
    [
        ("/", "/", GO_DIR),
        ("etc", "etc", GO_DIR),
        ("/etc/", "etc", GO_DIR),
        ("/etc/.", ".", GO_DIR),
        ("/link", "link", GO_SYMLINK),
        ("/dirlink", "dirlink", GO_SYMLINK),
        ("/dirlink/", "dirlink", GO_DIR),
        ("/dirlink/.", ".", GO_DIR),
        ("/dirlink/passwd", "passwd", 1 << 23),
        ("/etc/../../etc", "etc", GO_DIR),
    ],
)
async def test_a_link_is_followed_only_where_the_path_asks_for_a_directory(
    root: Path, path: str, name: str, mode: int
) -> None:
    found = await stat_path(root, path)
    assert (found.name, found.mode & ~0o777) == (name, mode)


@pytest.mark.parametrize(
    ("path", "target"),
    [("link", "/etc/passwd"), ("dirlink", "/etc"), ("broken", "/etc/where"), ("host", None)],
)
async def test_where_a_link_leads_is_a_path_in_the_container(root: Path, path: str, target: str | None) -> None:
    expected = target or str(root.parent / "host")
    assert (await stat_path(root, path)).link_target == expected


@pytest.mark.parametrize("path", ["/nope", "/etc/nope", "/host/secret", "", "/broken/"])
async def test_what_is_not_there(root: Path, path: str) -> None:
    if path == "":
        assert (await stat_path(root, path)).name == "/"
        return
    with pytest.raises(NotFound) as e:
        await stat_path(root, path)
    assert e.value.message == path


@pytest.mark.parametrize(
    "path", ["/etc/passwd/", "/etc/passwd/x", "/etc/passwd/.", "/loop/x", "/" + "n" * 300, "/a\0b"]
)
async def test_paths_that_cannot_be(root: Path, path: str) -> None:
    with pytest.raises(InvalidArgument):
        await stat_path(root, path)


async def test_a_circle_of_links_is_refused_when_it_must_be_followed(root: Path) -> None:
    with pytest.raises(InvalidArgument):
        await stat_path(root, "loop")


@pytest.mark.parametrize(
    ("mode", "go"),
    [
        (stat.S_IFREG | 0o7755, 1 << 23 | 1 << 22 | 1 << 20 | 0o755),
        (stat.S_IFDIR | 0o1777, 1 << 31 | 1 << 20 | 0o777),
        (stat.S_IFLNK | 0o777, 1 << 27 | 0o777),
        (stat.S_IFCHR | 0o666, 1 << 26 | 1 << 21 | 0o666),
        (stat.S_IFBLK | 0o660, 1 << 26 | 0o660),
        (stat.S_IFIFO | 0o644, 1 << 25 | 0o644),
        (stat.S_IFSOCK | 0o755, 1 << 24 | 0o755),
    ],
)
def test_modes_as_go_writes_them(mode: int, go: int) -> None:
    assert go_mode(mode) == go


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("", "/"),
        ("/", "/"),
        (".", "/."),
        ("/.", "/."),
        ("a", "/a"),
        ("a/", "/a/"),
        ("a/.", "/a/."),
        ("../a//b", "/a/b"),
    ],
)
def test_the_end_of_a_path_is_kept(path: str, normal: str) -> None:
    assert normalise(path) == normal


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc", ["etc", "etc/passwd"]),
        ("/etc/", ["etc", "etc/passwd"]),
        ("/etc/.", [".", "./passwd"]),
        ("/etc/passwd", ["passwd"]),
        ("/link", ["link"]),
        ("/dirlink", ["dirlink"]),
        ("/dirlink/", ["dirlink", "dirlink/passwd"]),
    ],
)
async def test_what_is_taken_out_is_named_after_the_path(root: Path, path: str, expected: list[str]) -> None:
    assert names(await got(root, path)) == expected


async def test_the_whole_root_begins_with_a_slash(root: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(await got(root, "/"))) as archive:
        found = [m.name for m in archive]
    assert found[0] == ""
    assert "/etc/passwd" in found


async def test_nothing_of_the_host_is_taken_out(root: Path) -> None:
    with pytest.raises(NotFound):
        await got(root, "/host/secret")
    with pytest.raises(NotFound):
        await got(root, "/host/")
    assert names(await got(root, "/host")) == ["host"]


async def test_a_descriptor_is_as_good_as_a_path(root: Path) -> None:
    fd = os.open(root, os.O_PATH)
    try:
        assert (await stat_path(fd, "/etc/passwd")).size == 10
        assert names(await got(fd, "/etc/passwd")) == ["passwd"]
        await put_archive(fd, "/etc", chunks(tar("new")))
    finally:
        os.close(fd)
    assert (root / "etc" / "new").is_file()


@pytest.mark.parametrize("path", ["/etc", "/etc/", "/dirlink", "/dirlink/."])
async def test_what_is_put_in_lands_behind_links_inside(root: Path, path: str) -> None:
    await put_archive(root, path, chunks(gzip.compress(tar(Member("new", b"put", uid=5)))))
    assert (root / "etc" / "new").read_bytes() == b"put"
    assert (root / "etc" / "new").stat().st_uid == 5


async def test_what_goes_away_after_it_was_looked_at(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "brief").mkdir()
    (root / "brief/file").write_text("x")
    look = copying._lstat

    def look_and_remove(*arguments: Any) -> os.stat_result:
        found = look(*arguments)
        (root / "brief/file").unlink()
        (root / "brief").rmdir()
        return found

    monkeypatch.setattr(copying, "_lstat", look_and_remove)
    with pytest.raises(NotFound):
        [chunk async for chunk in get_archive(root, "/brief/file")]


async def test_an_owner_for_what_is_put_in(root: Path) -> None:
    await put_archive(root, "/etc", chunks(tar("d/", "d/f")), owner=(1000, 1001))
    assert ((root / "etc" / "d" / "f").stat().st_uid, (root / "etc" / "d").stat().st_gid) == (1000, 1001)


@pytest.mark.parametrize("path", ["/nope", "/host"])
async def test_nowhere_to_put_it(root: Path, path: str) -> None:
    with pytest.raises(NotFound) as e:
        await put_archive(root, path, chunks(tar("new")))
    assert e.value.message == path
    assert [p.name for p in (root.parent / "host").iterdir()] == ["secret"]


async def test_only_directories_take_archives(root: Path) -> None:
    with pytest.raises(InvalidArgument) as e:
        await put_archive(root, "/etc/passwd", chunks(tar("new")))
    assert e.value.message == "extraction point is not a directory"


async def test_a_directory_is_not_replaced_when_told_so(root: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot overwrite directory"):
        await put_archive(root, "/", chunks(tar(Member("etc", b"file"))), no_overwrite_dir_non_dir=True)
    await put_archive(root, "/", chunks(tar(Member("etc", b"file"))))
    assert (root / "etc").read_bytes() == b"file"


async def test_rubbish_is_refused(root: Path) -> None:
    with pytest.raises(InvalidArgument):
        await put_archive(root, "/etc", chunks(b"this is no archive" * 100))


def test_resolving(root: Path) -> None:
    assert resolve(root, "/dirlink/passwd") == "/etc/passwd"
    assert resolve(root, "dirlink/../link") == "/etc/passwd"
    assert resolve(root, "/dirlink/made/up") == "/etc/made/up"
    with pytest.raises(InvalidArgument, match="too many"):
        resolve(root, "/loop")
