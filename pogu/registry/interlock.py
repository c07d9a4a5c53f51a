"""Keeps the sweep of the garbage collection and the requests that rely on content out of each other's way.

Whoever is about to rely on some content (a manifest that names blobs, an upload that finds its blob stored already)
says so with `using`; the sweep takes one piece of content at a time with `removing`. Both happen in one process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator


class Interlock:
    """See the module."""

    def __init__(self) -> None:
        self._used: Counter[str] = Counter()
        self._removing: dict[str, asyncio.Event] = {}
        self._watched: set[str] | None = None

    @contextlib.asynccontextmanager
    async def using(self, digests: Collection[str]) -> AsyncIterator[None]:
        """Wait until none of it is being removed; from then on none of it is, until the end of the block."""
        self._used.update(digests)
        if self._watched is not None:
            self._watched.update(digests)
        try:
            for digest in digests:
                if (removal := self._removing.get(digest)) is not None:
                    await removal.wait()
            yield
        finally:
            self._used.subtract(digests)
            for digest in digests:
                if not self._used[digest]:
                    del self._used[digest]

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """From the mark to the sweep: content that anybody has used since the mark began is not removed."""
        self._watched = set(self._used)
        try:
            yield
        finally:
            self._watched = None

    @contextlib.asynccontextmanager
    async def removing(self, digest: str) -> AsyncIterator[bool]:
        """Whether the content may be removed within the block: nobody uses it or has used it since the mark."""
        if digest in self._used or digest in (self._watched or ()):
            yield False
            return
        self._removing[digest] = done = asyncio.Event()
        try:
            yield True
        finally:
            del self._removing[digest]
            done.set()
