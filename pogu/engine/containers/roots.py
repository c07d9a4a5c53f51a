"""Which root file systems are mounted on the host, and by how many users."""

from __future__ import annotations

import asyncio
from pathlib import Path
from weakref import WeakValueDictionary

from pogu.engine.storage import StorageDriver


class Roots:
    """Counts who uses each mounted root below `directory`, so that the last one unmounts."""

    def __init__(self, storage: StorageDriver, directory: Path) -> None:
        self._storage = storage
        self._directory = directory
        self._users: dict[str, int] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def path(self, id_: str) -> Path:
        """Return where a root is mounted while it is used."""
        return self._directory / id_

    async def acquire(self, id_: str) -> Path:
        """Mount the root file system of a container unless it is, and return where."""
        lock = self._locks.setdefault(id_, asyncio.Lock())
        target = self.path(id_)
        async with lock:
            await self._storage.mount(id_, target)
            self._users[id_] = self._users.get(id_, 0) + 1
        return target

    def used(self) -> set[str]:
        """Return the IDs whose roots somebody uses."""
        return set(self._users)

    def adopt(self, id_: str) -> None:
        """Count a root that an earlier daemon mounted for a running container."""
        self._users[id_] = self._users.get(id_, 0) + 1

    async def release(self, id_: str) -> None:
        """Undo one `acquire`; the last one unmounts. Without users, unmount what may be left of a crash."""
        lock = self._locks.setdefault(id_, asyncio.Lock())
        async with lock:
            left = self._users.get(id_, 0) - 1
            if left > 0:
                self._users[id_] = left
                return
            self._users.pop(id_, None)
            target = self.path(id_)
            await self._storage.unmount(id_, target)
            try:
                target.rmdir()
            except OSError:  # missing, or in use by what a crash left: the next start looks again
                pass
