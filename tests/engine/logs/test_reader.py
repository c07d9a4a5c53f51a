"""`logs`: lines from a spool."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pogu.engine.logs import Ending, LogLine, LogOptions, read_logs
from pogu.engine.logs.reader import LINE_LIMIT
from pogu.engine.logs.tail import tail_position


def record(text: bytes, *, second: int = 0, stream: str = "stdout", tag: str = "F") -> bytes:
    return f"2026-01-01T00:00:{second:02d}.000000000+00:00 {stream} {tag} ".encode() + text + b"\n"


def at(second: int) -> int:
    return 1767225600_000000000 + second * 10**9


def write(path: Path, *records: bytes) -> Path:
    with path.open("ab") as file:
        file.write(b"".join(records))
    return path


async def collect(path: Path, options: LogOptions | None = None) -> list[LogLine]:
    return [line async for line in read_logs(path, options or LogOptions(), Ending())]


async def test_lines_with_stream_and_time(tmp_path: Path) -> None:
    path = write(tmp_path / "log", record(b"one"), record(b"two", second=1, stream="stderr"))
    assert await collect(path) == [LogLine(1, at(0), b"one\n", False), LogLine(2, at(1), b"two\n", False)]


async def test_a_missing_spool_is_empty(tmp_path: Path) -> None:
    assert await collect(tmp_path / "log") == []


async def test_pieces_are_joined_for_each_stream(tmp_path: Path) -> None:
    path = write(
        tmp_path / "log",
        record(b"a", tag="P"),
        record(b"x", stream="stderr", tag="P"),
        record(b"b", second=2),
        record(b"y", second=3, stream="stderr"),
    )
    assert await collect(path) == [LogLine(1, at(0), b"ab\n", False), LogLine(2, at(0), b"xy\n", False)]


async def test_an_unended_line_comes_last(tmp_path: Path) -> None:
    path = write(tmp_path / "log", record(b"one"), record(b"tw", tag="P"))
    assert [line.data for line in await collect(path)] == [b"one\n", b"tw"]


async def test_long_lines_come_in_pieces(tmp_path: Path) -> None:
    path = write(tmp_path / "log", record(b"x" * 10_000, tag="P"), record(b"x" * 10_000))
    lines = await collect(path)
    assert [len(line.data) for line in lines] == [LINE_LIMIT, 20_001 - LINE_LIMIT]
    assert [line.partial for line in lines] == [True, False]


async def test_a_line_of_exactly_the_limit_is_one(tmp_path: Path) -> None:
    path = write(tmp_path / "log", record(b"x" * LINE_LIMIT))
    assert [len(line.data) for line in await collect(path)] == [LINE_LIMIT + 1]


async def test_stream_and_time_filters(tmp_path: Path) -> None:
    path = write(tmp_path / "log", *(record(b"%d" % n, second=n, stream="stdout") for n in range(5)))
    write(path, record(b"err", second=5, stream="stderr"))
    assert [line.data for line in await collect(path, LogOptions(stdout=False))] == [b"err\n"]
    chosen = await collect(path, LogOptions(since=at(1), until=at(3)))
    assert [line.data for line in chosen] == [b"1\n", b"2\n", b"3\n"]


@pytest.mark.parametrize(("count", "expected"), [(0, []), (1, [b"4\n"]), (3, [b"2\n", b"3\n", b"4\n"]), (9, None)])
async def test_tail(tmp_path: Path, count: int, expected: list[bytes] | None) -> None:
    path = write(tmp_path / "log", *(record(b"%d" % n) for n in range(5)))
    found = [line.data for line in await collect(path, LogOptions(tail=count))]
    assert found == ([b"%d\n" % n for n in range(5)] if expected is None else expected)


async def test_tail_counts_lines_not_pieces(tmp_path: Path) -> None:
    path = write(tmp_path / "log", record(b"one"), record(b"tw", tag="P"), record(b"o"), record(b"thr", tag="P"))
    assert [line.data for line in await collect(path, LogOptions(tail=2))] == [b"two\n", b"thr"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=80), st.integers(1, 40))
def test_tail_is_the_end_of_the_whole(sizes: list[int], count: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        path = write(Path(directory) / "log", *(record(b"%d." % n + b"x" * size) for n, size in enumerate(sizes)))
        everything = path.read_bytes().splitlines()
        assert path.read_bytes()[tail_position(path, count).offset :].splitlines() == everything[-count:]


async def test_following_ends_with_the_container_and_misses_nothing(tmp_path: Path) -> None:
    path, ending = tmp_path / "log", Ending()
    seen: list[bytes] = []

    async def read() -> None:
        async for line in read_logs(path, LogOptions(follow=True), ending):
            seen.append(line.data)

    reader = asyncio.create_task(read())
    for n in range(200):
        write(path, record(b"%d" % n))
        if n % 20 == 0:
            await asyncio.sleep(0)
    write(path, record(b"last", tag="P"))
    ending.set()
    await asyncio.wait_for(reader, 10)
    assert seen == [*(b"%d\n" % n for n in range(200)), b"last"]


async def test_following_crosses_a_rotation(tmp_path: Path) -> None:
    path, ending = tmp_path / "log", Ending()
    write(path, record(b"old"))
    lines = read_logs(path, LogOptions(follow=True), ending)
    assert (await anext(lines)).data == b"old\n"
    waiting = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0.01)
    write(path, record(b"before"))
    path.rename(tmp_path / "log.1")
    write(path, record(b"after"))
    assert (await asyncio.wait_for(waiting, 10)).data == b"before\n"
    assert (await asyncio.wait_for(anext(lines), 10)).data == b"after\n"
    ending.set()
    assert [line async for line in lines] == []


async def test_following_until_a_time_ends_at_the_first_later_line(tmp_path: Path) -> None:
    path = write(tmp_path / "log", record(b"in"), record(b"out", second=9))
    lines = read_logs(path, LogOptions(follow=True, until=at(5)), Ending())
    assert [line.data async for line in lines] == [b"in\n"]


async def test_many_followers_share_one_watch_and_leave_none(tmp_path: Path) -> None:
    from pogu.engine.logs import watch

    path, ending = tmp_path / "log", Ending()
    readers = [asyncio.create_task(anext(read_logs(path, LogOptions(follow=True), ending))) for _ in range(150)]
    await asyncio.sleep(0.05)
    write(path, record(b"x"))
    assert {(await asyncio.wait_for(r, 10)).data for r in readers} == {b"x\n"}
    await asyncio.get_running_loop().shutdown_asyncgens()
    assert asyncio.get_running_loop() not in watch._hubs
