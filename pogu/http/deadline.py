"""A time limit that is moved much more often than it strikes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Deadline:
    """Calls back once when its time has come. Moving it later costs an assignment, not a new timer."""

    __slots__ = ("_callback", "_due", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Strike in so many seconds, whatever was set before."""
        self._due = due = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._strike)

    def clear(self) -> None:
        """Do not strike."""
        self._due = None

    def close(self) -> None:
        """Do not strike, and keep no timer either."""
        self._due = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _strike(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._strike)
            return
        self._due = None
        self._callback()
