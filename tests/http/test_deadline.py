from __future__ import annotations

import asyncio

from pogu.http.deadline import Deadline


async def test_it_strikes_once() -> None:
    struck = asyncio.Event()
    deadline = Deadline(asyncio.get_running_loop(), struck.set)
    deadline.set(0.01)
    async with asyncio.timeout(10):
        await struck.wait()
    struck.clear()
    await asyncio.sleep(0.05)
    assert not struck.is_set()


async def test_moved_later_and_earlier() -> None:
    struck = asyncio.Event()
    deadline = Deadline(asyncio.get_running_loop(), struck.set)
    deadline.set(0.02)
    deadline.set(60)
    await asyncio.sleep(0.1)
    assert not struck.is_set()
    deadline.set(0.01)
    async with asyncio.timeout(10):
        await struck.wait()


async def test_cleared_and_closed_it_does_not_strike() -> None:
    struck = asyncio.Event()
    deadline = Deadline(asyncio.get_running_loop(), struck.set)
    deadline.set(0.01)
    deadline.clear()
    await asyncio.sleep(0.05)
    deadline.set(0.01)
    deadline.close()
    deadline.close()
    await asyncio.sleep(0.05)
    assert not struck.is_set()
