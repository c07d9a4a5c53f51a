"""Entries from memory."""

from __future__ import annotations

import io
import tarfile

from pogu.engine.archive import DIRECTORY, SYMLINK, Entry, TarWriter


def test_entries_from_memory() -> None:
    out: list[bytes] = []
    writer = TarWriter(out.append)
    writer.add(Entry("d/", type=DIRECTORY, mode=0o755))
    writer.add(Entry("d/f", size=5), b"hello")
    writer.add(Entry("l", type=SYMLINK, link="d/f"))
    writer.finish()
    with tarfile.open(fileobj=io.BytesIO(b"".join(out))) as archive:
        assert archive.getnames() == ["d", "d/f", "l"]
        content = archive.extractfile("d/f")
        assert content is not None
        assert content.read() == b"hello"


def test_pieces_are_neither_tiny_nor_unbounded() -> None:
    out: list[bytes] = []
    writer = TarWriter(out.append)
    for i in range(2000):
        writer.add(Entry(f"f{i}", size=600), b"x" * 600)
    writer.finish()
    assert all(100_000 < len(piece) < 300_000 for piece in out[:-1])
