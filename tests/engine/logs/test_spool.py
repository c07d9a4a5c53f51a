"""The spool's records."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.engine.logs.spool import STDERR, STDOUT, Splitter, parse_record, parse_time

STAMP = b"2026-01-02T03:04:05.000000006+00:00"


def test_a_whole_line_gets_its_line_feed_back() -> None:
    record = parse_record(STAMP + b" stdout F hello world")
    assert record
    assert (record.stream, record.partial, record.data) == (STDOUT, False, b"hello world\n")
    assert record.time_ns == 1767323045_000000006


def test_a_piece_has_none() -> None:
    record = parse_record(STAMP + b" stderr P hel")
    assert record
    assert (record.stream, record.partial, record.data) == (STDERR, True, b"hel")


def test_an_empty_line_is_a_line_feed() -> None:
    record = parse_record(STAMP + b" stdout F ")
    assert record
    assert record.data == b"\n"


@pytest.mark.parametrize(
    "line", [b"", b"x", STAMP, STAMP + b" stdout F", STAMP + b" stdin F x", STAMP + b" stdout Q x", b"05 stdout F x"]
)
def test_torn_records_are_none(line: bytes) -> None:
    assert parse_record(line) is None


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        (b"1970-01-01T00:00:01Z", 10**9),
        (b"1970-01-01T00:00:01.5Z", 1_500_000_000),
        (b"1970-01-01T02:00:00.000000001+02:00", 1),
        (b"1969-12-31T19:00:00.25-05:00", 250_000_000),
        (b"nonsense", 0),
    ],
)
def test_times(text: bytes, ns: int) -> None:
    assert parse_time(text) == ns


@given(st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), max_size=20), st.integers(1, 50))
def test_records_come_whole_however_the_file_is_read(texts: list[bytes], size: int) -> None:
    data = b"".join(STAMP + b" stdout F " + t + b"\n" for t in texts)
    splitter = Splitter()
    found = [r.data for i in range(0, len(data), size) for r in splitter.feed(data[i : i + size])]
    assert found == [t + b"\n" for t in texts]


@given(st.binary(max_size=300))
def test_no_bytes_break_the_splitter(data: bytes) -> None:
    splitter = Splitter()
    splitter.feed(data)
    assert [r.data for r in splitter.feed(b"\n" + STAMP + b" stdout F x\n")][-1] == b"x\n"
