"""Every compression that images use is found by its first bytes; damage is the client's error."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random

import pytest
import zstandard

from pogu.engine.archive import decompress, detect
from pogu.errors import InvalidArgument, PoguError

DATA = random.Random(1).randbytes(300_000) + bytes(300_000)
COMPRESSED = {
    "gzip": gzip.compress(DATA),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress(DATA),
    "bzip2": bz2.compress(DATA),
    "xz": lzma.compress(DATA),
}


def read_all(data: bytes, size: int = 10_000) -> bytes:
    source = decompress(io.BytesIO(data))
    return b"".join(iter(lambda: source.read(size), b""))


@pytest.mark.parametrize("kind", COMPRESSED)
def test_each_kind_comes_out_as_it_was(kind: str) -> None:
    assert detect(COMPRESSED[kind][:6]) == kind
    assert read_all(COMPRESSED[kind]) == DATA


@pytest.mark.parametrize("kind", COMPRESSED)
def test_several_members_one_after_the_other(kind: str) -> None:
    assert read_all(COMPRESSED[kind] * 2) == DATA * 2


@pytest.mark.parametrize("data", [b"", b"x", b"plain text", DATA], ids=["nothing", "a byte", "text", "much"])
def test_anything_else_passes_as_it_is(data: bytes) -> None:
    assert detect(data[:6]) == ""
    assert read_all(data) == data
    assert decompress(io.BytesIO(data)).read() == data


def test_a_stream_that_comes_byte_by_byte_is_still_recognised() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(1)

    assert decompress(Slow(gzip.compress(b"slow"))).read(100) == b"slow"


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz"])
def test_a_stream_that_is_cut_off_is_refused(kind: str) -> None:
    with pytest.raises(InvalidArgument, match=f"damaged {kind} stream"):
        read_all(COMPRESSED[kind][:-100])


@pytest.mark.parametrize("kind", COMPRESSED)
def test_a_damaged_stream_is_refused(kind: str) -> None:
    data = bytearray(COMPRESSED[kind])
    data[30:5000] = random.Random(2).randbytes(4970)
    with pytest.raises(InvalidArgument, match=f"damaged {kind} stream"):
        read_all(bytes(data))


def test_a_window_of_gigabytes_is_refused() -> None:
    frame = b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00a"  # RFC 8878: window descriptor 0xa8 is 2 GiB
    with pytest.raises(InvalidArgument, match="zstd"):
        read_all(frame)


def test_a_failing_source_is_not_called_damaged_data() -> None:
    class Gone(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if not data:
                raise PoguError("the sender went away")
            return data

    source = decompress(Gone(COMPRESSED["gzip"][:1000]))
    with pytest.raises(PoguError, match="the sender went away"):
        while source.read(100):
            pass
