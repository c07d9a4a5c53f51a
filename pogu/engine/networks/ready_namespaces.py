"""Network namespaces made ahead: the next containers find theirs ready, loopback and settings included.

They have no name in any file system: whoever closes the descriptor, or dies, ends them.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from pogu.engine.networks.kernel import KernelThreads
from pogu.linux import namespaces

_WANTED = 2
_REFILL_AFTER = 0.03  # seconds: the container that took one comes first


class ReadyNamespaces:
    """Holds up to two once the first sandbox has been made; `set_up` is run inside each new one."""

    def __init__(self, threads: KernelThreads, set_up: Callable[[], None]) -> None:
        self._threads = threads
        self._set_up = set_up
        self._ready: list[int] = []
        self._refilling = False
        self._closed = False

    def take(self) -> int | None:
        """Return the descriptor of a namespace, the caller's from now on; None if none is ready."""
        if not (self._refilling or self._closed):
            self._refilling = True
            self._threads.start_soon(self._refill())
        return self._ready.pop() if self._ready else None

    def close(self) -> None:
        """End those that nobody has taken. Idempotent."""
        self._closed = True
        while self._ready:
            os.close(self._ready.pop())

    async def _refill(self) -> None:
        try:
            await self._threads.pause(_REFILL_AFTER)
            while len(self._ready) < _WANTED and not (self._closed or self._threads.closing):
                self._ready.append(await self._threads.call(namespaces.make, self._set_up))
        except OSError:  # no room for more: whoever wants one is told so
            pass
        finally:
            self._refilling = False
