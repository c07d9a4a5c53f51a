"""Sizes, ages and moments as docker's command writes and reads them."""

from __future__ import annotations

import os
import time

import pytest

from pogu.cli import units
from pogu.errors import InvalidArgument

HOUR, DAY = 3600, 86400


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (999, "999B"), (1000, "1kB"), (1_983_000, "1.98MB"), (123_456_789_000, "123GB")]
)
def test_sizes(size: int, text: str) -> None:
    assert units.human_size(size) == text


def test_sizes_with_more_digits_and_in_binary() -> None:
    assert units.human_size(1_983_000, 4) == "1.983MB"
    assert units.human_binary(25_278_304_256) == "23.54GiB"
    assert units.human_binary(225_280) == "220KiB"


@pytest.mark.parametrize(
    ("text", "size"), [("10", 10), ("64m", 64 << 20), ("1.5g", 3 << 29), ("2KiB", 2048), ("3MB", 3 << 20)]
)
def test_read_sizes(text: str, size: int) -> None:
    assert units.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "-1", "1x", "1 2"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"invalid (size|suffix)"):
        units.parse_size(text)


def test_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "TZ", "Asia/Seoul")
    time.tzset()
    try:
        assert units.api_time("1700000000.5") == "1700000000.5"
        assert units.api_time("2023-11-14T22:13:20.25Z") == "1700000000.250000000"
        assert units.api_time("2023-11-15T07:13:20") == "1700000000.000000000"  # this machine's own zone
        assert units.api_time("2023-11-15") == "1699974000.000000000"
        assert abs(float(units.api_time("10m")) - (time.time() - 600)) < 60
        with pytest.raises(InvalidArgument, match="failed to parse value as time or duration"):
            units.api_time("yesterday")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_go_times() -> None:
    assert units.human_age("0001-01-01T00:00:00Z") == "N/A"
    assert units.human_age(time.time() - 7200) == "2 hours ago"
