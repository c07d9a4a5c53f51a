"""Headers: what other programs write is read, what we write they read, and rubbish is refused."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.engine.archive import header
from pogu.engine.archive.header import DIRECTORY, HARDLINK, REGULAR, SYMLINK, Entry
from pogu.errors import InvalidArgument
from tests.engine.archive.tars import Member, tar


def block(**changes: bytes) -> bytes:
    """A valid header with fields replaced, its checksum made right again."""
    at = {"mode": 100, "uid": 108, "gid": 116, "size": 124, "mtime": 136, "type": 156, "magic": 257, "major": 329}
    raw = bytearray(tar(Member("file", b"x"))[:512])
    for field, value in changes.items():
        raw[at[field] : at[field] + len(value)] = value
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"0000644\0", 0o644),
        (b"   644 \0", 0o644),
        (b"\0\0\0\0\0\0\0\0", 0),
        (b"        ", 0),
        (b"644\0junk", 0o644),
        (b"\x80\0\0\0\0\x20\0\0", 1 << 21),
        (b"\xff\xff\xff\xff\xff\xff\xff\xfe", -2),
    ],
)
def test_numbers_as_programs_write_them(raw: bytes, value: int) -> None:
    assert header.parse_number(raw) == value


@pytest.mark.parametrize("raw", [b"0000888\0", b"0x1f\0\0\0\0", b"-1\0\0\0\0\0\0", b"1_000\0\0\0"])
def test_other_numbers_are_refused(raw: bytes) -> None:
    with pytest.raises(InvalidArgument):
        header.parse_number(raw)


def test_a_wrong_checksum_is_refused() -> None:
    raw = bytearray(block())
    raw[0] ^= 1
    with pytest.raises(InvalidArgument, match="checksum"):
        header.parse(bytes(raw), {})


def test_a_checksum_of_signed_bytes_is_accepted() -> None:
    raw = bytearray(block())
    raw[0] = 0xE9
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % (sum(raw) - 256)
    assert header.parse(bytes(raw), {}).name.endswith("ile")


@pytest.mark.parametrize(
    "changes",
    [
        {"size": b"\xff" * 12},
        {"uid": b"\xff" * 8},
        {"uid": b"\x80\0\0\x01\0\0\0\0"},
        {"gid": b"\x80\0\0\0\xff\xff\xff\xff"},
        {"mode": b"99999999"},
        {"major": b"\xff" * 8},
    ],
)
def test_values_that_cannot_be_are_refused(changes: dict[str, bytes]) -> None:
    with pytest.raises(InvalidArgument):
        header.parse(block(**changes), {})


@pytest.mark.parametrize(("key", "value"), [("path", b"a\0b"), ("uid", b"-1"), ("size", b"1e9"), ("mtime", b"soon")])
def test_rubbish_in_extended_headers_is_refused(key: str, value: bytes) -> None:
    with pytest.raises(InvalidArgument):
        header.parse(block(), {key: value})


@pytest.mark.parametrize(
    "data", [b"x", b"11 path=a\n", b"8 path\n", b"99999999999999999999 a=b\n", b"9 path=aX", b"-5 a=b\n"]
)
def test_malformed_extended_headers_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidArgument):
        header.parse_pax(data)


def test_an_xattr_may_hold_any_byte() -> None:
    value = b"\x00\n=\xff 12 path=evil\n"
    entry = Entry("file", size=0, xattrs={"user.x": value})
    data = header.build(entry)
    assert (
        dict(header.parse_pax(data[512 : 512 + data.rindex(value) - 512 + len(value) + 1]))["SCHILY.xattr.user.x"]
        == value
    )


@pytest.mark.parametrize(
    "entry",
    [
        Entry("plain", size=3, mode=0o4755, uid=1, gid=2, mtime_ns=10**18),
        Entry("d/", type=DIRECTORY, mode=0o1777, mtime_ns=10**18),
        Entry("link", type=SYMLINK, link="/a/" + "t" * 300),
        Entry("hard", type=HARDLINK, link="plain"),
        Entry("n" * 101, size=0),
        Entry("d" * 90 + "/" + "f" * 90, size=0),
        Entry("a/" * 200 + "deep", size=0),
        Entry("한글/파일", size=0),
        Entry("owner", uid=2**21, gid=2**32 - 2),
        Entry("old", mtime_ns=1_600_000_000_123_456_789),
        Entry("huge", size=2**40),
    ],
)
def test_what_we_write_others_read(entry: Entry) -> None:
    entry.mtime_ns = entry.mtime_ns or 10**18
    with tarfile.open(fileobj=io.BytesIO(header.build(entry) + bytes(1024))) as archive:
        info = archive.next()
    assert info is not None
    assert info.name == entry.name.rstrip("/")
    assert (info.type, info.linkname, info.mode) == (entry.type, entry.link, entry.mode)
    assert (info.uid, info.gid, info.size) == (entry.uid, entry.gid, entry.size)
    assert info.mtime == pytest.approx(entry.mtime_ns / 1e9, abs=1e-6)


@given(
    name=st.text(st.characters(exclude_characters="\0/", exclude_categories=("Cs",)), min_size=1, max_size=300),
    uid=st.integers(0, 2**32 - 2),
    mtime=st.integers(0, 2**62),
    xattr=st.binary(max_size=300),
)
def test_what_we_write_we_read(name: str, uid: int, mtime: int, xattr: bytes) -> None:
    entry = Entry(name, type=REGULAR, uid=uid, mtime_ns=mtime, xattrs={"user.a": xattr})
    data = header.build(entry)
    records = header.parse_pax(data[512 : 512 + header.parse(data[:512], {}).stored])
    again = header.parse(data[-512:], dict(records))
    assert again == entry
