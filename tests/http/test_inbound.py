from __future__ import annotations

import asyncio

import pytest

from pogu.errors import Cancelled
from pogu.http.inbound import Inbound


def queue(high_water: int = 100) -> tuple[Inbound, list[str]]:
    calls: list[str] = []
    return Inbound(high_water, lambda: calls.append("pause"), lambda: calls.append("resume")), calls


async def test_pieces_come_out_in_order_and_size() -> None:
    inbound, _ = queue()
    inbound.feed(b"hello")
    inbound.feed(b"")
    inbound.feed(b"world")
    assert [await inbound.get(2), await inbound.get(2), await inbound.get(9), await inbound.get()] == [
        b"he",
        b"ll",
        b"o",
        b"world",
    ]


async def test_reading_pauses_when_full_and_resumes_when_nearly_empty() -> None:
    inbound, calls = queue(100)
    inbound.feed(b"x" * 99)
    assert calls == []
    inbound.feed(b"x" * 20)
    inbound.feed(b"x")
    assert calls == ["pause"]
    await inbound.get(90)
    assert calls == ["pause"]
    await inbound.get(90)
    assert calls == ["pause", "resume"]
    inbound.feed(b"x" * 200)
    inbound.drop()
    assert calls == ["pause", "resume", "pause", "resume"]


async def test_the_end_comes_after_the_data() -> None:
    inbound, _ = queue()
    inbound.feed(b"data")
    inbound.end(Cancelled("gone"))
    inbound.end()
    inbound.feed(b"ignored")
    assert inbound.ended and await inbound.get() == b"data"
    for _ in range(2):
        with pytest.raises(Cancelled, match="gone"):
            await inbound.get()


async def test_a_waiting_reader_is_woken() -> None:
    inbound, _ = queue()
    reading = asyncio.create_task(inbound.get())
    await asyncio.sleep(0)
    inbound.feed(b"a")
    inbound.feed(b"b")
    assert await reading == b"ab"
    inbound.feed(b"c")
    inbound.end()
    assert [await inbound.get(), await inbound.get(), await inbound.get()] == [b"c", b"", b""]


async def test_a_cancelled_reader_leaves_everything() -> None:
    inbound, _ = queue()
    reading = asyncio.create_task(inbound.get())
    await asyncio.sleep(0)
    inbound.feed(b"a")
    reading.cancel()
    await asyncio.wait([reading])
    assert await inbound.get() == b"a"
