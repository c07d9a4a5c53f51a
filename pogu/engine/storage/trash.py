"""Removing trees behind one's back: rename now, delete later, and again at the next start after a crash."""

from __future__ import annotations

import asyncio
import queue
import secrets
import threading
from pathlib import Path

from pogu.linux.filesystems import spread
from pogu.linux.paths import open_root, opened
from pogu.linux.trees import remove_tree


class Trash:
    """A directory whose content is garbage, and a thread that deletes it one tree after the other.

    What is put here has left its old name at once; that it takes a while to delete holds nobody up.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._known: set[str] = set()  # names that are being made or will be deleted
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Make the directory and begin with what an earlier run left."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        spread(self._directory)
        for path in self._directory.iterdir():
            self._delete_soon(path.name)
        self._thread = threading.Thread(target=self._run, name="trash", daemon=True)
        self._thread.start()

    def new(self) -> Path:
        """Return a name in the directory that nothing has yet: what is made there is garbage until renamed (`left`)."""
        name = secrets.token_hex(8)
        self._known.add(name)
        return self._directory / name

    def forgotten(self) -> list[str]:
        """Return the names that are there and will not be deleted before the next start: deleting them failed."""
        return sorted(p.name for p in self._directory.iterdir() if p.name not in self._known)

    def _delete_soon(self, name: str) -> None:
        self._known.add(name)
        self._queue.put(name)

    def throw(self, path: Path) -> None:
        """Take `path` (on the same file system) away and delete it soon; nothing happens if it does not exist."""
        name = secrets.token_hex(8)
        self._known.add(name)
        try:
            path.rename(self._directory / name)
        except OSError as e:
            self._known.discard(name)
            if isinstance(e, FileNotFoundError):
                self.left(path)
                return
            raise
        self.left(path)
        self._queue.put(name)

    def left(self, path: Path) -> None:
        """Note that what was made under a `new` name has got a name elsewhere."""
        if path.parent == self._directory:
            self._known.discard(path.name)

    async def stop(self) -> None:
        """Wait a little for the thread to finish; what is left then is deleted at the next start."""
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join, 5)
            self._thread = None

    def _run(self) -> None:
        while (name := self._queue.get()) is not None:
            try:
                with opened(open_root(self._directory)) as fd:
                    remove_tree(fd, name)
            except OSError:  # damaged, or something is mounted in it: the next start tries again
                pass
            self._known.discard(name)
