"""The dump of tasks names what each waits for."""

from __future__ import annotations

import asyncio

from pogu.daemon.tasks import describe_tasks


async def _innermost(event: asyncio.Event) -> None:
    await event.wait()


async def _outer(event: asyncio.Event) -> None:
    await _innermost(event)


async def test_chains_of_awaits_and_threads() -> None:
    event = asyncio.Event()
    task = asyncio.create_task(_outer(event), name="waiter")
    await asyncio.sleep(0)
    text = describe_tasks()
    event.set()
    await task
    part = text[text.index("task waiter:") :]
    assert part.index("_outer at ") < part.index("_innermost at ") < part.index("Event.wait at ")
    assert "thread MainThread:" in text
