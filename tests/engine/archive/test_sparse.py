"""Sparse files: GNU tar's own archives in all its formats, and maps that lie."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest

from pogu.engine.archive import TarReader
from pogu.engine.archive.header import Entry
from pogu.engine.archive.sparse import apply_pax
from pogu.errors import InvalidArgument
from tests.engine.archive.tars import unpack

FORMATS = ["--format=gnu", "--format=pax --sparse-version=0.0", "--format=pax --sparse-version=0.1", "--format=pax"]
PIECES = [(0, b"start"), (1 << 20, b"x" * 5000), ((1 << 20) * 3 + 17, b"tail")]


@pytest.fixture
def holes(tmp_path: Path) -> Path:
    """A file with so many pieces that its map does not fit one header."""
    file = tmp_path / "source" / "holes"
    file.parent.mkdir()
    with file.open("wb") as f:
        for offset, content in PIECES:
            f.seek(offset)
            f.write(content)
        for i in range(60):
            f.seek((8 << 20) + i * (64 << 10))
            f.write(b"%d" % i)
        f.truncate(16 << 20)
    return file


@pytest.mark.parametrize("format", FORMATS)
def test_a_sparse_file_comes_out_as_it_was(holes: Path, tmp_path: Path, format: str) -> None:
    command = ["tar", *format.split(), "--sparse", "-C", str(holes.parent), "-cf", "-", "holes"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    assert len(data) < 4 << 20
    unpack(data, tmp_path / "out")
    made = tmp_path / "out" / "holes"
    assert made.read_bytes() == holes.read_bytes()
    assert made.stat().st_blocks * 512 < 4 << 20


def test_the_size_is_the_files_and_not_what_is_stored(holes: Path) -> None:
    data = subprocess.run(
        ["tar", "--sparse", "-C", str(holes.parent), "-cf", "-", "holes"], check=True, capture_output=True
    ).stdout
    entry = TarReader(io.BytesIO(data)).next()
    assert entry is not None
    assert (entry.name, entry.size) == ("holes", 16 << 20)
    assert entry.stored < 1 << 20


def records(**values: bytes) -> list[tuple[str, bytes]]:
    return [(f"GNU.sparse.{key}", value) for key, value in values.items()]


@pytest.mark.parametrize(
    "lying",
    [
        records(map=b"0,10,5,10", size=b"100"),  # overlapping
        records(map=b"10,10,0,10", size=b"100"),  # descending
        records(map=b"0,10,95,10", size=b"100"),  # beyond the end
        records(map=b"0,10", size=b"100"),  # fewer bytes than are stored
        records(map=b"0,10,20", size=b"100"),  # odd
        records(map=b"0,x", size=b"100"),
        records(map=b"0,20", size=b"-1"),
        records(map=b"0,20"),
        records(numblocks=b"1", offset=b"0", numbytes=b"99999999999999999999", size=b"100"),
        records(major=b"1", minor=b"7"),
    ],
)
def test_maps_that_cannot_be_are_refused(lying: list[tuple[str, bytes]]) -> None:
    with pytest.raises(InvalidArgument):
        apply_pax(Entry("x", size=20, stored=20), lying, lambda: bytes(512))


@pytest.mark.parametrize("block", [b"1\n0\n20", b"x\n", b"99999999999\n", os.urandom(512), b"\n" * 512], ids=range(5))
def test_leading_maps_that_cannot_be_are_refused(block: bytes) -> None:
    entry = Entry("x", size=1024, stored=1024)
    with pytest.raises(InvalidArgument):
        apply_pax(entry, records(major=b"1", minor=b"0", realsize=b"512"), lambda: block.ljust(512, b"1")[:512])
