"""Times and durations as Go prints them."""

from __future__ import annotations

import pytest

from pogu.engine.containers.times import format_duration, was_started


def test_zero() -> None:
    assert not was_started("0001-01-01T00:00:00Z")
    assert was_started("2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (5, "5ns"), (1500, "1.5µs"), (100_000_000, "100ms"), (1_500_000_000, "1.5s"), (90 * 10**9, "1m30s"),
        (3600 * 10**9, "1h0m0s"),
    ],
)  # fmt: skip
def test_durations(ns: int, text: str) -> None:
    assert format_duration(ns) == text
