"""Uploaded archives are taken apart without their names ever becoming paths."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest
import zstandard

from pogu.engine.images.members import Members
from pogu.errors import InvalidArgument
from tests.engine.images.conftest import tar_of


def members_of(directory: Path, data: bytes) -> Members:
    members = Members(directory)
    members.unpack(io.BytesIO(data))
    return members


def content(members: Members, name: str) -> bytes | None:
    path = members.find(name)
    return None if path is None else path.read_bytes()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_members_are_found_by_name(tmp_path: Path, pack: type) -> None:
    members = members_of(tmp_path, pack(tar_of({"a": b"1", "d/": b"", "d/b": b"22", "./c": b"333"})))
    assert [content(members, n) for n in ("a", "./a", "d/b", "/d/../c", "c", "d", "x")] == [
        b"1",
        b"1",
        b"22",
        b"333",
        b"333",
        None,
        None,
    ]


def test_links_are_followed_within_the_archive(tmp_path: Path) -> None:
    members = members_of(
        tmp_path, tar_of({"x/layer.tar": b"1", "y/layer.tar": "-> ../x/layer.tar", "z": "-> x", "w": "-> /z/layer.tar"})
    )
    assert content(members, "y/layer.tar") == b"1"
    assert content(members, "z/layer.tar") == b"1"
    assert content(members, "w") == b"1"


def test_hard_links_are_followed(tmp_path: Path) -> None:
    buffer = io.BytesIO(tar_of({"a": b"1"})[:1024])
    buffer.seek(1024)
    link = tarfile.TarInfo("b")
    link.type, link.linkname = tarfile.LNKTYPE, "a"
    members = members_of(tmp_path, buffer.getvalue() + link.tobuf() + bytes(1024))
    assert content(members, "b") == b"1"


def test_nothing_outside_can_be_reached(tmp_path: Path) -> None:
    outside = tmp_path / "secret"
    outside.write_text("secret")
    inside = tmp_path / "inside"
    inside.mkdir()
    up = "../" * 20
    members = members_of(
        inside,
        tar_of(
            {f"{up}etc/evil": b"1", "a": f"-> {up}{outside}", "b": f"-> {outside}", "c": "-> /etc/passwd", "/abs": b"2"}
        ),
    )
    assert [content(members, n) for n in ("a", "b", "c", str(outside), f"{up}{outside}", "/etc/passwd")] == [None] * 6
    assert content(members, "etc/evil") == b"1"
    assert content(members, "abs") == b"2"
    assert outside.read_text() == "secret"
    assert all(p.name.isdigit() for p in inside.iterdir())
    assert {p.name for p in tmp_path.iterdir()} == {"secret", "inside"}


def test_link_loops_end(tmp_path: Path) -> None:
    members = members_of(tmp_path, tar_of({"a": "-> b", "b": "-> a", "c": "-> c/d"}))
    assert content(members, "a") is None
    assert content(members, "c") is None


def test_a_later_member_replaces_an_earlier_one(tmp_path: Path) -> None:
    assert content(members_of(tmp_path, tar_of({"a": b"1", "./a": b"2"})), "a") == b"2"
    (tmp_path / "x").mkdir()
    assert content(members_of(tmp_path / "x", tar_of({"b": b"3", "a": b"1", "./a": "-> b"})), "a") == b"3"


def test_sparse_members_are_filled_in(tmp_path: Path) -> None:
    fields = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.name": "f",
        "GNU.sparse.size": "20",
        "GNU.sparse.map": "4,2,10,3",
    }
    info = tarfile.TarInfo("GNUSparseFile/f")
    info.size, info.pax_headers = 5, fields
    data = info.tobuf(tarfile.PAX_FORMAT) + b"abcde".ljust(512, b"\0") + bytes(1024)
    assert content(members_of(tmp_path, data), "f") == b"\0\0\0\0ab\0\0\0\0cde" + bytes(7)


@pytest.mark.parametrize(
    "data",
    [
        b"not a tar at all",
        b"x" * 4096,
        tar_of({"a": b"1" * 5000})[:2048],
        gzip.compress(tar_of({"a": b"1" * 99999}))[:-40],
    ],
    ids=["short", "garbage", "cut", "cut gzip"],
)
def test_damaged_archives_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InvalidArgument):
        members_of(tmp_path, data)


def test_small_members_are_read_whole(tmp_path: Path) -> None:
    members = members_of(tmp_path, tar_of({"a": b"12345"}))
    assert members.read("a", 5) == b"12345"
    with pytest.raises(InvalidArgument, match="invalid archive: a is larger than 4 bytes"):
        members.read("a", 4)
    with pytest.raises(InvalidArgument, match="invalid archive: does not contain a b"):
        members.read("b", 4)
