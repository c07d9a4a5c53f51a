"""The client's directories that a build takes files from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from pogu.engine.build.files.checksums import FileDigests
from pogu.engine.build.files.copying import Excluded


class Context:
    """A directory of the client's, on this machine once somebody has asked for it.

    `fetch` brings it here, once, and returns where it is; it is told which patterns somebody needs (none: all).
    `excluded` tells what is there and yet no part of it.
    """

    def __init__(
        self,
        name: str,
        fetch: Callable[[Sequence[str]], Awaitable[Path]],
        files: FileDigests,
        excluded: Excluded | None = None,
    ) -> None:
        self.name = name
        self.files = files
        self.excluded = excluded
        self._fetch = fetch
        self._path: asyncio.Task[Path] | None = None
        self._needed: set[str] = set()

    def need(self, patterns: Sequence[str]) -> None:
        """Note what is going to be taken, before anybody asks where it is."""
        self._needed.update(pattern.strip("/") for pattern in patterns)

    async def path(self) -> Path:
        """Return where the files are. Raises what bringing them here raises."""
        if self._path is None:
            self._path = asyncio.ensure_future(self._get())
        return await asyncio.shield(self._path)

    async def _get(self) -> Path:
        everything = any(pattern in ("", ".") for pattern in self._needed)
        return await self._fetch([] if everything else sorted(self._needed))
