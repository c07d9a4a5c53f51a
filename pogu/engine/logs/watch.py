"""One inotify instance for all followers: the kernel allows a user only 128, and a directory has many readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from pogu.linux.inotify import CREATE, MODIFY, MOVED_TO, Inotify

_EVENTS = MODIFY | CREATE | MOVED_TO


class _Hub:
    """The watches of one event loop; the inotify instance exists while there are any."""

    def __init__(self) -> None:
        self._inotify = Inotify()
        self._directories: dict[Path, tuple[int, list[Callable[[], None]]]] = {}

    def add(self, directory: Path, wake: Callable[[], None]) -> None:
        if directory not in self._directories:
            wakes: list[Callable[[], None]] = []

            def tell(mask: int, name: str) -> None:
                for each in list(wakes):
                    each()

            self._directories[directory] = (self._inotify.watch(directory, _EVENTS, tell), wakes)
        self._directories[directory][1].append(wake)

    def discard(self, directory: Path, wake: Callable[[], None]) -> bool:
        """Take a watch away; True if it was the last of all."""
        descriptor, wakes = self._directories[directory]
        wakes.remove(wake)
        if not wakes:
            del self._directories[directory]
            self._inotify.unwatch(descriptor)
        return not self._directories

    def close(self) -> None:
        self._inotify.close()


_hubs: dict[asyncio.AbstractEventLoop, _Hub] = {}


class Watch:
    """Calls `wake` whenever a file in `directory` is written, made or renamed, until closed.

    Raises OSError where the directory does not exist or the user has too many watches.
    """

    def __init__(self, directory: Path, wake: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._directory, self._wake, self._open = directory, wake, True
        hub = _hubs.get(self._loop)
        if hub is None:
            hub = _hubs[self._loop] = _Hub()
        try:
            hub.add(directory, wake)
        except OSError:
            self._open = False
            raise

    def close(self) -> None:
        """Stop watching. Idempotent."""
        if self._open:
            self._open = False
            hub = _hubs[self._loop]
            if hub.discard(self._directory, self._wake):
                hub.close()
                del _hubs[self._loop]
