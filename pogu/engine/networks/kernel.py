"""Threads in which the networks room talks to the kernel.

They are its own: hashing or unpacking an image must not delay the start of a container. The kernel serialises changes
of interfaces anyway, so a few are enough.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
_THREADS = 4


class KernelThreads:
    """Runs blocking calls in threads, and whole operations to their end."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="network")
        self._running: set[asyncio.Task[Any]] = set()
        self._closing = asyncio.Event()

    async def call(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run a blocking function in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def finish(self, operation: Coroutine[Any, Any, T]) -> T:
        """Run an operation to its end even if whoever asked for it is cancelled, so that nothing is half made."""
        task = asyncio.ensure_future(operation)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    def start_soon(self, operation: Coroutine[Any, Any, None]) -> None:
        """Start an operation nobody waits for; `close` does."""
        task = asyncio.ensure_future(operation)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def pause(self, seconds: float) -> None:
        """Sleep, but not beyond the moment at which `close` begins to wait."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            pass

    @property
    def closing(self) -> bool:
        """Whether `close` waits for what goes on."""
        return self._closing.is_set()

    async def close(self) -> None:
        """Wait for everything under way and end the threads."""
        self._closing.set()
        while self._running:
            await asyncio.wait(set(self._running))
        self._threads.shutdown(wait=False)
