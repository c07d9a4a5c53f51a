"""Being told of writes, with inotify and without."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pogu.engine.logs import watch


async def test_a_write_wakes_everybody_who_watches(tmp_path: Path) -> None:
    woken = [asyncio.Event() for _ in range(3)]
    watches = [watch.Watch(tmp_path, event.set) for event in woken]
    (tmp_path / "file").write_text("x")
    for event in woken:
        await asyncio.wait_for(event.wait(), 10)
    for each in watches:
        each.close()
        each.close()
    assert asyncio.get_running_loop() not in watch._hubs


async def test_without_inotify_it_is_polled(tmp_path: Path) -> None:
    woken = asyncio.Event()
    gone = watch.Watch(tmp_path / "nosuch", woken.set)  # fails as an exhausted limit does, without hurting others
    await asyncio.wait_for(woken.wait(), 10)
    gone.close()
    woken.clear()
    await asyncio.sleep(3 * watch.POLL_SECONDS)
    assert not woken.is_set()
