"""Times as configurations and filters write them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.engine.moments import format_ns, parse_duration, parse_moment, parse_rfc3339
from pogu.errors import InvalidArgument

S = 10**9


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", S + S // 2),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-02Z", 86400 * S),
        ("2024-02-29T12:30Z", 1709209800 * S),
        ("0001-01-01T00:00:00Z", -62135596800 * S),
    ],
)
def test_rfc3339(text: str, moment: int) -> None:
    assert parse_rfc3339(text) == moment
    assert parse_moment(text) == moment


@given(st.integers(-62135596800 * S, 253402300799 * S))
def test_formatting_and_parsing_are_inverse(moment: int) -> None:
    assert parse_rfc3339(format_ns(moment)) == moment


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0", 0),
        ("1s", S),
        ("1h30m", 5400 * S),
        ("1.5s", 3 * S // 2),
        ("250ms", S // 4),
        ("-1m", -60 * S),
        (".5s", S // 2),
    ],
)
def test_durations(text: str, length: int) -> None:
    assert parse_duration(text) == length


def test_a_filter_takes_durations_before_now_and_unix_times() -> None:
    assert parse_moment("10m", now=1000 * S) == 400 * S
    assert parse_moment("1700000000") == 1700000000 * S
    assert parse_moment("1700000000.5") == 1700000000 * S + S // 2
    assert parse_moment("1h") < time.time_ns()


def test_without_a_zone_it_is_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-5")
    time.tzset()
    try:
        assert parse_moment("1970-01-01T05:00:00") == 0
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "text", ["", " ", "x", "2024-13-01", "2024-02-30T00:00:00Z", "1 hour", "1", "12345678901234567890123"]
)
def test_nonsense_is_refused(text: str) -> None:
    for parse in (parse_rfc3339, parse_duration):
        with pytest.raises(InvalidArgument):
            parse(text)
    with pytest.raises(InvalidArgument):
        parse_duration("9" * 400 + "h")
    if text != "1":
        with pytest.raises(InvalidArgument):
            parse_moment(text)
