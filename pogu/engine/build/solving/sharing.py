"""Work that several builds want at the same time, done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from pogu.engine.build.snapshots import Snapshot

Output = Callable[[int, bytes], None]


class Shared:
    """One piece of work under way: what it has put out so far, and who is told the rest."""

    def __init__(self) -> None:
        self.listeners: list[Output] = []
        self.said: list[tuple[int, bytes]] = []
        self.task: asyncio.Task[Snapshot] | None = None
        self.waiting = 0

    def say(self, stream: int, data: bytes) -> None:
        """Tell output to everybody who waits."""
        self.said.append((stream, data))
        for listener in list(self.listeners):
            listener(stream, data)


class InFlight:
    """Finds work that is under way by its key."""

    def __init__(self) -> None:
        self._works: dict[str, Shared] = {}

    async def run(
        self, key: str, listener: Output, begin: Callable[[Output], Coroutine[Any, Any, Snapshot]]
    ) -> tuple[Snapshot, bool]:
        """Do the work under `key`, or wait for whoever does it; say whether it was another.

        It is given up when the last who waits for it is cancelled. An error is everybody's.
        """
        work = self._works.get(key)
        joined = work is not None
        if work is None:
            work = self._works[key] = Shared()
            work.task = asyncio.ensure_future(begin(work.say))
            work.task.add_done_callback(lambda _: self._works.pop(key, None))
        for stream, data in work.said:
            listener(stream, data)
        work.listeners.append(listener)
        work.waiting += 1
        assert work.task is not None
        try:
            return await asyncio.shield(work.task), joined
        finally:
            work.waiting -= 1
            work.listeners.remove(listener)
            if not work.waiting and not work.task.done():
                self._works.pop(key, None)
                work.task.cancel()
                await asyncio.wait([work.task])
