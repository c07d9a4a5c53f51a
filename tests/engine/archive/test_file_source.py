"""An archive in a file: large contents are copied inside the kernel where it can, and are the same where it cannot."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.engine.archive import CountedFile, FileReader, TarReader, extract
from pogu.errors import InvalidArgument
from pogu.linux.paths import open_root, opened
from tests.engine.archive.tars import Member, tar

LARGE = os.urandom(3 << 20) + b"odd"
MEMBERS = [Member("a", b"small"), Member("b", LARGE), Member("c", b""), Member("d", LARGE[:700])]


@pytest.fixture(params=["same file system", "another"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if request.param == "same file system":
        (tmp_path / "out").mkdir()
        yield tmp_path / "out"
    else:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
            yield Path(name)


def test_what_is_unpacked_is_what_was_packed(tmp_path: Path, target: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(tar(*MEMBERS))
    seen: list[int] = []
    with path.open("rb", buffering=0) as file, opened(open_root(target)) as root:
        counted = CountedFile(FileReader(file), seen.append)
        extract(counted, root)
    assert {m.name: (target / m.name).read_bytes() for m in MEMBERS} == {m.name: m.content for m in MEMBERS}
    assert counted.size == seen[-1] == path.stat().st_size
    assert seen == sorted(seen)


def test_an_archive_that_is_cut_off_inside_a_content_is_refused(tmp_path: Path, target: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(tar(*MEMBERS)[: 2 << 20])
    with (
        path.open("rb", buffering=0) as file,
        opened(open_root(target)) as root,
        pytest.raises(InvalidArgument, match="unexpected end"),
    ):
        extract(FileReader(file), root)


def test_part_of_a_content_may_have_been_read(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(tar(*MEMBERS))
    with path.open("rb", buffering=0) as file, (tmp_path / "out").open("wb", buffering=0) as out:
        reader = TarReader(FileReader(file))
        assert [reader.next(), reader.next()][1]
        begun = reader.read(1000)
        reader.copy_to(out.fileno())
        assert reader.read() == b""
        last = [entry.name for entry in reader]
    assert begun + (tmp_path / "out").read_bytes() == LARGE
    assert last == ["c", "d"]
