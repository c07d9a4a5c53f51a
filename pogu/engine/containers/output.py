"""The output of exec'd processes, which may outlive them: a child in the background keeps the pipes open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from pogu.engine.runtime import ExecProcess
from pogu.errors import PoguError

LINGER = 2.0  # seconds that output is waited for after its process has ended, as in dockerd


async def read_output(
    process: ExecProcess, stop: asyncio.Event | None = None
) -> AsyncGenerator[tuple[int, bytes], None]:
    """Yield (1 or 2, data) until all output has ended, two seconds after the process has, or when `stop` is set."""
    over = asyncio.create_task(_over(process, stop or asyncio.Event()))
    try:
        while True:
            reading = asyncio.create_task(process.read())
            try:
                await asyncio.wait((reading, over), return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not reading.done():
                    reading.cancel()
            if not reading.done():
                return
            piece = reading.result()
            if piece is None:
                return
            yield piece
    finally:
        over.cancel()


async def _over(process: ExecProcess, stop: asyncio.Event) -> None:
    stopped = asyncio.create_task(stop.wait())
    ended = asyncio.create_task(process.wait())
    try:
        await asyncio.wait((stopped, ended), return_when=asyncio.FIRST_COMPLETED)
        if not stopped.done():
            await asyncio.wait((stopped,), timeout=LINGER)
    finally:
        stopped.cancel()
        ended.cancel()


async def discard_output(process: ExecProcess) -> None:
    """Read a process's output to its end and throw it away."""
    try:
        await process.close_stdin()
        async for _ in read_output(process):
            pass
    except (OSError, PoguError):
        pass
    finally:
        process.close()
