"""Copies of clients' directories, kept so that the next build gets only what has changed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pogu.engine.build.files.removing import remove_counted
from pogu.engine.naming import new_id

_KEPT_SECONDS = 48 * 3600  # after which nobody is expected to build from a directory again
_PASSING = "passing-"


class ContextDirectories:
    """Directories below `root`, each for one build at a time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._used: set[str] = set()

    def start(self) -> None:
        """Make the directory; remove what served one build alone, and what is old. Blocks."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        oldest = time.time() - _KEPT_SECONDS
        for path in self._root.iterdir():
            if path.name.startswith(_PASSING) or path.stat().st_mtime < oldest:
                shutil.rmtree(path, ignore_errors=True)

    @asynccontextmanager
    async def used(self, key: str) -> AsyncIterator[Path]:
        """Yield the directory kept under `key`; another, which goes at the end, where that is in use or `key` empty."""
        name = hashlib.sha256(key.encode()).hexdigest()[:32] if key else ""
        if not name or name in self._used:
            name = f"{_PASSING}{new_id()[:16]}"
        path = self._root / name
        self._used.add(name)
        try:
            await asyncio.to_thread(_prepare, path)
            yield path
        finally:
            if name.startswith(_PASSING):
                await asyncio.shield(asyncio.ensure_future(asyncio.to_thread(shutil.rmtree, path, True)))
            self._used.discard(name)

    async def prune(self) -> int:
        """Remove what no build uses; return its bytes."""
        unused = [path for path in self._root.iterdir() if path.name not in self._used]
        return await asyncio.to_thread(lambda: sum(map(remove_counted, unused)))


def _prepare(path: Path) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    os.utime(path)
