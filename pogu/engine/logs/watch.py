"""One inotify instance for all followers: the kernel allows a user only 128, and a directory has many readers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from pogu.linux.inotify import CREATE, MODIFY, MOVED_TO, Inotify

POLL_SECONDS = 0.05
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

    def discard(self, directory: Path, wake: Callable[[], None]) -> None:
        """Take a watch away."""
        descriptor, wakes = self._directories[directory]
        wakes.remove(wake)
        if not wakes:
            del self._directories[directory]
            self._inotify.unwatch(descriptor)

    @property
    def idle(self) -> bool:
        """Whether nothing is watched."""
        return not self._directories

    def close(self) -> None:
        self._inotify.close()


_hubs: dict[asyncio.AbstractEventLoop, _Hub] = {}


class Watch:
    """Calls `wake` whenever a file in `directory` is written, made or renamed, until closed.

    Where the user's limit on instances or watches is reached, `wake` is called at short intervals instead.
    """

    def __init__(self, directory: Path, wake: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._directory, self._wake = directory, wake
        self._watching = False
        self._timer: asyncio.TimerHandle | None = None
        try:
            _watch(self._loop, directory, wake)
            self._watching = True
        except OSError:
            self._poll()

    def _poll(self) -> None:
        self._timer = self._loop.call_later(POLL_SECONDS, self._poll)
        self._wake()

    def close(self) -> None:
        """Stop watching. Idempotent."""
        if self._timer:
            self._timer.cancel()
        if self._watching:
            self._watching = False
            _hubs[self._loop].discard(self._directory, self._wake)
            _close_if_idle(self._loop)


def _watch(loop: asyncio.AbstractEventLoop, directory: Path, wake: Callable[[], None]) -> None:
    if loop not in _hubs:
        _hubs[loop] = _Hub()
    try:
        _hubs[loop].add(directory, wake)
    finally:
        _close_if_idle(loop)


def _close_if_idle(loop: asyncio.AbstractEventLoop) -> None:
    if _hubs[loop].idle:
        _hubs.pop(loop).close()
