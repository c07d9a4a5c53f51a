"""Files appear when they are whole."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.cli.async_bytes import iterate
from pogu.cli.files import pieces, write_to


def test_pieces() -> None:
    assert b"".join(pieces(io.BytesIO(b"x" * 1_000_000))) == b"x" * 1_000_000


def test_a_file_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("old")

    def broken() -> Iterator[bytes]:
        yield b"new"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        write_to(str(target), broken())
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert target.read_text() == "old"
    write_to(str(target), [b"ne", b"w"])
    assert target.read_text() == "new"


def test_devices_are_written_to(tmp_path: Path) -> None:
    write_to("/dev/null", [b"x"])
    assert Path("/dev/null").is_char_device()


def test_asynchronous_streams_are_closed() -> None:
    closed = []

    async def stream():  # type: ignore[no-untyped-def]
        try:
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    assert list(iterate(stream())) == [b"a", b"b"]
    early = iterate(stream())
    assert next(early) == b"a"
    early.close()  # type: ignore[attr-defined]
    assert closed == [True, True]
