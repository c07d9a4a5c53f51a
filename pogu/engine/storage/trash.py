"""Removing trees behind one's back: rename now, delete later, and again at the next start after a crash."""

from __future__ import annotations

import asyncio
import queue
import secrets
import threading
from pathlib import Path

from pogu.linux.paths import open_root, opened
from pogu.linux.trees import remove_tree


class Trash:
    """A directory whose content is garbage, and a thread that deletes it one tree after the other.

    What is put here has left its old name at once; that it takes a while to delete holds nobody up.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Make the directory and begin with what an earlier run left."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        for path in self._directory.iterdir():
            self._queue.put(path.name)
        self._thread = threading.Thread(target=self._run, name="trash", daemon=True)
        self._thread.start()

    def new(self) -> Path:
        """Return a name in the directory that nothing has yet: whatever is made there is garbage until renamed."""
        return self._directory / secrets.token_hex(8)

    def throw(self, path: Path) -> None:
        """Take `path` (on the same file system) away and delete it soon; nothing happens if it does not exist."""
        name = secrets.token_hex(8)
        try:
            path.rename(self._directory / name)
        except FileNotFoundError:
            return
        self._queue.put(name)

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
                continue
