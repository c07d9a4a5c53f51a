"""Times and durations as Go prints them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.engine.containers.times import format_duration, format_time, to_ns, was_started


@given(st.integers(0, 4 * 10**18))
def test_round_trip(ns: int) -> None:
    assert to_ns(format_time(ns)) == ns


def test_zero() -> None:
    assert to_ns("0001-01-01T00:00:00Z") == 0
    assert not was_started("0001-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (5, "5ns"), (1500, "1.5µs"), (100_000_000, "100ms"), (1_500_000_000, "1.5s"), (90 * 10**9, "1m30s"),
        (3600 * 10**9, "1h0m0s"),
    ],
)  # fmt: skip
def test_durations(ns: int, text: str) -> None:
    assert format_duration(ns) == text
