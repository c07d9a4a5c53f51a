"""The engine's asynchronous streams of bytes, for a command that does one thing at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator


def iterate(stream: AsyncIterator[bytes]) -> Iterator[bytes]:
    """Yield what `stream` yields; closing this closes it."""
    with asyncio.Runner() as runner:
        try:
            while (piece := runner.run(_next(stream))) is not None:
                yield piece
        finally:
            runner.run(_close(stream))


async def _next(stream: AsyncIterator[bytes]) -> bytes | None:
    return await anext(stream, None)


async def _close(stream: AsyncIterator[bytes]) -> None:
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
