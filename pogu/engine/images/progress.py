"""Messages for whoever waits: the objects of the API's JSON stream (`{"status": …, "progressDetail": …}`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

Progress = Callable[[dict[str, Any]], None]  # called on the event loop; must not block

_PAUSE = 0.1  # seconds between two messages about one thing


def silent(_message: dict[str, Any]) -> None:
    """Progress that nobody looks at."""


class Counter:
    """Tells how far a file has been read, from the thread that reads it, ten times a second at most."""

    def __init__(
        self,
        progress: Progress,
        status: str,
        identifier: str,
        total: int,
        loop: asyncio.AbstractEventLoop | None = None,  # the running one, where it is made on it
    ) -> None:
        self._progress = progress
        self._status = status
        self._id = identifier
        self._total = total
        self._next = time.monotonic() + _PAUSE
        self._loop = loop or asyncio.get_running_loop()

    def __call__(self, current: int) -> None:
        now = time.monotonic()
        if now >= self._next or current >= self._total:
            self._next = now + _PAUSE
            self._loop.call_soon_threadsafe(self._progress, self._message(current))

    def _message(self, current: int) -> dict[str, Any]:
        return {
            "status": self._status,
            "progressDetail": {"current": current, "total": self._total},
            "progress": bar(current, self._total),
            "id": self._id,
        }


class Row:
    """One line of what is shown of a pull or push: what happens to one layer of `total` bytes."""

    def __init__(self, identifier: str, total: int, progress: Progress) -> None:
        self._id = identifier
        self._total = total
        self._progress = progress
        self._next = 0.0
        self._last = ""

    def say(self, status: str) -> None:
        """Say what has happened; on the loop."""
        self._progress({"status": status, "progressDetail": {}, "id": self._id})

    def move(self, loop: asyncio.AbstractEventLoop, status: str, size: int) -> None:
        """Say how far something has got, ten times a second at most; from a thread."""
        now = time.monotonic()
        if status == self._last and now < self._next and size < self._total:
            return
        self._last, self._next = status, now + _PAUSE
        detail = {"current": size, "total": self._total}
        message = {"status": status, "progressDetail": detail, "progress": bar(size, self._total), "id": self._id}
        loop.call_soon_threadsafe(self._progress, message)


def bar(current: int, total: int) -> str:
    """Return Docker's bar of fifty columns with the sizes after it; an unknown total (0) has no bar."""
    if total <= 0:
        return readable(current)
    filled = min(current * 50 // total, 50)
    head = "=" * 50 if filled == 50 else "=" * filled + ">" + " " * (49 - filled)
    return f"[{head}{'>' if filled == 50 else ''}] {readable(current):>8}/{readable(total)}"


def readable(size: int) -> str:
    """Return a size in decimal units with four digits, as go-units does: `1.234MB`."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB", "PB"]
    unit = 0
    while value >= 1000 and unit < len(units) - 1:
        value /= 1000
        unit += 1
    return f"{value:.4g}{units[unit]}"
