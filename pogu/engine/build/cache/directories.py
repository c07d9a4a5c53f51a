"""Directories of `RUN --mount=type=cache`, which outlive builds."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from weakref import WeakValueDictionary

from pogu.engine.build.files.removing import remove_counted
from pogu.engine.naming import new_id


class CacheDirectories:
    """Cache mounts below one directory, by their IDs; what is half-filled is in `new-*` and goes at the next start."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._users: Counter[Path] = Counter()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._filling: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def start(self) -> None:
        """Make the directory and remove what was being filled. Blocks."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in self._root.glob("new-*"):
            shutil.rmtree(path)

    @asynccontextmanager
    async def used(self, id_: str, sharing: str, fill: Callable[[Path], Awaitable[None]]) -> AsyncIterator[Path]:
        """Yield the directory of a cache, made by `fill` if it is new.

        `sharing` is `shared`, `private` (another directory where it is in use) or `locked` (one after the other).
        """
        name = hashlib.sha256(id_.encode()).hexdigest()[:32]
        async with AsyncExitStack() as stack:
            if sharing == "locked":
                lock = self._locks.setdefault(name, asyncio.Lock())
                await stack.enter_async_context(lock)
            filling = self._filling.setdefault(name, asyncio.Lock())
            async with filling:
                path = await self._ready(name, sharing, fill)
                self._users[path] += 1
            try:
                yield path
            finally:
                self._users[path] -= 1

    async def _ready(self, name: str, sharing: str, fill: Callable[[Path], Awaitable[None]]) -> Path:
        number = 0
        while True:
            path = self._root / (f"{name}-{number}" if number else name)
            if sharing != "private" or not self._users[path]:
                break
            number += 1
        if not path.exists():
            work = self._root / f"new-{new_id()[:16]}"
            work.mkdir(mode=0o755)
            try:
                await fill(work)
                work.rename(path)
            finally:
                await asyncio.to_thread(shutil.rmtree, work, True)
        return path

    async def prune(self) -> int:
        """Remove the directories that no build uses; return their bytes."""
        freed = 0
        for path in [p for p in self._root.iterdir() if not self._users[p]]:
            gone = self._root / f"new-{new_id()[:16]}"
            path.rename(gone)
            freed += await asyncio.to_thread(remove_counted, gone)
        return freed
