"""What is told of progress."""

import asyncio
from typing import Any

import pytest

from pogu.engine.images.progress import Counter, bar, readable


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (999, "999B"), (1000, "1kB"), (2_141_184, "2.141MB"), (5 * 10**9, "5GB")]
)
def test_sizes_have_four_digits(size: int, text: str) -> None:
    assert readable(size) == text


def test_the_bar_is_fifty_wide() -> None:
    assert bar(0, 100) == "[" + ">" + " " * 49 + "]       0B/100B"
    assert bar(50, 100) == "[" + "=" * 25 + ">" + " " * 24 + "]      50B/100B"
    assert bar(100, 100).startswith("[" + "=" * 50 + ">]")
    assert bar(7, 0) == "7B"


async def test_the_end_is_always_told_and_the_way_there_seldom() -> None:
    told: list[dict[str, Any]] = []
    counter = Counter(told.append, "Loading layer", "abc", 1000)
    await asyncio.to_thread(lambda: [counter(n) for n in range(1001)])
    await asyncio.sleep(0)
    assert told[-1]["progressDetail"] == {"current": 1000, "total": 1000}
    assert told[-1]["id"] == "abc"
    assert len(told) < 100
