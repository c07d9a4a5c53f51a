"""Reading streams of entries: every format, any piece size, and an error for whatever is no archive."""

from __future__ import annotations

import hashlib
import io
import random
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pogu.engine.archive import Hashed, TarReader
from pogu.engine.archive.header import DIRECTORY, HARDLINK, REGULAR, SYMLINK
from pogu.errors import InvalidArgument
from tests.engine.archive.tars import MTIME, Member, tar


class Dribble:
    """A source that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._file = io.BytesIO(data)
        self._step = step

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(min(self._step, size) if size >= 0 else self._step)


LONG = "long/" * 60 + "name"
MEMBERS = (
    "d/",
    Member("d/file", b"a" * 1000, mode=0o4755, uid=7, gid=8),
    Member("d/link", link="../target"),
    Member("d/hard", link="=d/file"),
    Member(LONG, b"l" * 700),
    Member("longlink", link=LONG),
)


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("step", [1, 511, 100_000])
def test_entries_and_contents(format: int, step: int) -> None:
    reader = TarReader(Dribble(tar(*MEMBERS, format=format), step))
    found = {e.name: (e, reader.read()) for e in reader}
    assert [name.rstrip("/") for name in found] == ["d", "d/file", "d/link", "d/hard", LONG, "longlink"]
    file, content = found["d/file"]
    assert content == b"a" * 1000
    assert (file.type, file.mode, file.uid, file.gid, file.mtime_ns) == (REGULAR, 0o4755, 7, 8, MTIME * 10**9)
    assert (found["d/link"][0].type, found["d/link"][0].link) == (SYMLINK, "../target")
    assert (found["d/hard"][0].type, found["d/hard"][0].link) == (HARDLINK, "d/file")
    assert found[LONG][1] == b"l" * 700
    assert found["longlink"][0].link == LONG


def test_what_is_not_read_is_skipped() -> None:
    reader = TarReader(io.BytesIO(tar(Member("a", b"a" * 5000), Member("b", b"bb"))))
    assert reader.next() is not None
    assert reader.read(3) == b"aaa"
    entry = reader.next()
    assert entry is not None
    assert entry.name == "b"
    assert reader.read() == b"bb"
    assert reader.next() is None


def test_an_old_directory_is_one_by_its_slash() -> None:
    data = bytearray(tar(Member("x", type=tarfile.AREGTYPE), format=tarfile.USTAR_FORMAT)[:512])
    data[1:2] = b"/"
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data)
    entry = TarReader(io.BytesIO(bytes(data) + bytes(1024))).next()
    assert entry is not None
    assert entry.type == DIRECTORY


def test_draining_reads_what_follows_the_end() -> None:
    data = tar("a") + b"trailing garbage" * 100
    hashed = Hashed(io.BytesIO(data))
    reader = TarReader(hashed)
    assert [e.name for e in reader] == ["a"]
    reader.drain()
    assert hashed.digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert hashed.size == len(data)


@pytest.mark.parametrize("data", [b"", bytes(512), bytes(1024), bytes(10240)])
def test_archives_of_nothing(data: bytes) -> None:
    assert list(TarReader(io.BytesIO(data))) == []


def test_an_archive_that_just_ends_at_a_block_is_whole() -> None:
    assert [e.name for e in TarReader(io.BytesIO(tar("a")[:1024]))] == ["a"]


@pytest.mark.parametrize(
    "data",
    [
        b"no archive at all",
        b"x" * 512,
        tar("a")[:300],
        tar(Member("a", b"cc"))[:513],
        tar(Member("a", b"c" * 4000))[:2000],
        tar("a")[:1024] + bytes(512) + tar("b"),
        tar(Member(LONG))[:1024],
    ],
    ids=["text", "block", "cut-header", "cut-content", "cut-file", "lone-zero-block", "cut-after-extended-header"],
)
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidArgument):
        for _ in TarReader(io.BytesIO(data)):
            pass


def test_the_last_entry_needs_no_padding() -> None:
    """The docker command ends a context so when it adds a Dockerfile from elsewhere; Go's reader takes it."""
    reader = TarReader(io.BytesIO(tar(Member("a", b"c"))[:513]))
    entry = reader.next()
    assert entry
    assert (entry.name, reader.read(), reader.next()) == ("a", b"c", None)


def test_an_extended_header_of_gigabytes_is_refused_before_it_is_read() -> None:
    data = bytearray(tar(Member(LONG))[:512])
    data[124:136] = b"77777777777\0"
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data)
    with pytest.raises(InvalidArgument, match="extended header of"):
        TarReader(io.BytesIO(bytes(data))).next()


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), flips=st.integers(1, 12), cut=st.integers(0, 9000))
def test_damage_is_refused_or_read_but_never_anything_else(seed: int, flips: int, cut: int) -> None:
    random_ = random.Random(seed)
    data = bytearray(tar(*MEMBERS, format=random_.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])))
    for _ in range(flips):
        data[random_.randrange(len(data))] = random_.randrange(256)
    try:
        for _ in (reader := TarReader(io.BytesIO(bytes(data[: len(data) - cut])))):
            reader.read()
    except InvalidArgument:
        pass


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_damage_with_right_checksums(seed: int, data: st.DataObject) -> None:
    """Random fields under a valid checksum reach the code behind it."""
    random_ = random.Random(seed)
    raw = bytearray(tar(*MEMBERS, format=random_.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])))
    for at in range(0, len(raw), 512):
        if raw[at + 257 : at + 262] == b"ustar":
            for _ in range(data.draw(st.integers(0, 3))):
                raw[at + random_.randrange(512)] = random_.randrange(256)
            raw[at + 148 : at + 156] = b" " * 8
            raw[at + 148 : at + 156] = b"%06o\0 " % sum(raw[at : at + 512])
    try:
        for _ in (reader := TarReader(io.BytesIO(bytes(raw)))):
            reader.read()
    except InvalidArgument:
        pass
