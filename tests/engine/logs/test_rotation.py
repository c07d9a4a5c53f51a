"""Rotation, and reading across it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pogu.engine.logs import (
    Ending,
    LogOptions,
    RotationPolicy,
    end_of,
    follow,
    is_full,
    read_logs,
    rotation_policy,
    shift,
)
from pogu.engine.logs.files import Position, spool_files
from pogu.errors import InvalidArgument
from tests.engine.logs.test_reader import record, write


@pytest.mark.parametrize(
    ("driver", "options", "expected"),
    [
        ("json-file", {}, RotationPolicy(20 << 20, 5)),
        ("json-file", {"max-size": "10m", "max-file": "3"}, RotationPolicy(10 << 20, 3)),
        ("local", {"max-size": "1.5k"}, RotationPolicy(1536, 5)),
        ("json-file", {"max-size": "1GB"}, RotationPolicy(1 << 30, 5)),
        ("json-file", {"max-size": "-1"}, RotationPolicy(0, 5)),
        ("none", {}, RotationPolicy(64 << 20, 2)),
    ],
)
def test_policies(driver: str, options: dict[str, str], expected: RotationPolicy) -> None:
    assert rotation_policy(driver, options) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max-size": "big"}, "invalid size: 'big'"),
        ({"max-size": "0"}, "max-size must be a positive number"),
        ({"max-file": "0"}, "max-file must be a positive number"),
        ({"max-file": "-3"}, "max-file must be a positive number"),
        ({"color": "red"}, "unknown log opt 'color' for json-file log driver"),
    ],
)
def test_refusals(options: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        rotation_policy("json-file", options)


def test_files_move_up_and_the_oldest_goes(tmp_path: Path) -> None:
    path, policy = tmp_path / "log", RotationPolicy(10, 3)
    for n in range(5):
        path.write_text(f"{n}")
        shift(path, policy)
    assert not path.exists()
    assert [f.read_text() for f in spool_files(path)] == ["3", "4"]
    path.write_text("x" * 10)
    assert is_full(path, policy)
    assert not is_full(path, RotationPolicy(0))
    assert not is_full(tmp_path / "nosuch", policy)


def fill(path: Path, files: int, lines: int) -> list[bytes]:
    """Write a spool of several files; return its lines."""
    written = []
    for n in range(files):
        if n:
            shift(path, RotationPolicy(1, 99))
        for m in range(lines):
            written.append(b"%d.%d" % (n, m))
            write(path, record(written[-1]))
    return [line + b"\n" for line in written]


async def test_logs_are_read_from_the_oldest_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    written = fill(path, 4, 5)
    assert [line.data async for line in read_logs(path, LogOptions(), Ending())] == written


@pytest.mark.parametrize("count", [1, 5, 6, 11, 20, 50])
async def test_the_last_lines_may_be_in_several_files(tmp_path: Path, count: int) -> None:
    path = tmp_path / "log"
    written = fill(path, 4, 5)
    assert [line.data async for line in read_logs(path, LogOptions(tail=count), Ending())] == written[-count:]


async def test_a_follower_that_was_rotated_over_reads_every_file(tmp_path: Path) -> None:
    path, ending = tmp_path / "log", Ending()
    write(path, record(b"before"))
    batches = follow(path, end_of(path), ending)
    write(path, record(b"first"))
    assert [r.data for r in await anext(batches)] == [b"first\n"]
    write(path, record(b"second"))
    written = [b"second\n"]
    for n in range(3):
        shift(path, RotationPolicy(1, 99))
        write(path, record(b"%d" % n))
        written.append(b"%d\n" % n)
    ending.set()
    assert [r.data async for batch in batches for r in batch] == written


async def test_what_was_deleted_meanwhile_is_skipped(tmp_path: Path) -> None:
    path, ending = tmp_path / "log", Ending()
    write(path, record(b"a"))
    batches = follow(path, Position(), ending)
    assert [r.data for r in await anext(batches)] == [b"a\n"]
    for name in (b"b", b"c", b"d"):
        shift(path, RotationPolicy(1, 2))
        write(path, record(name))
    ending.set()
    assert [r.data async for batch in batches for r in batch] == [b"c\n", b"d\n"]


async def test_the_end_of_a_file_that_was_moved_on_is_still_found(tmp_path: Path) -> None:
    path, ending = tmp_path / "log", Ending()
    write(path, record(b"old"))
    here = end_of(path)
    write(path, record(b"new"))
    shift(path, RotationPolicy(1, 9))
    write(path, record(b"newest"))
    ending.set()
    assert [r.data async for batch in follow(path, here, ending) for r in batch] == [b"new\n", b"newest\n"]
