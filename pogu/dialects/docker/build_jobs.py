"""Builds that a client has given an ID: to cancel them, and to bring one its context in a request of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pogu.errors import Cancelled, DeadlineExceeded

T = TypeVar("T")
UPLOAD = "upload-request"
_MEET = 5.0  # seconds that an upload and its build, which come at the same time, wait for one another


@dataclass(frozen=True, slots=True)
class _Upload:
    body: AsyncIterator[bytes]
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    taken: asyncio.Event = field(default_factory=asyncio.Event)


class BuildJobs:
    """Running builds by the IDs that their clients have given them."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Future[Any]] = {}
        self._uploads: dict[str, asyncio.Future[_Upload]] = {}

    async def run(self, identifier: str, work: Coroutine[Any, Any, T]) -> T:
        """Do the work of a build, which `cancel` ends. Raises Cancelled then."""
        job = asyncio.ensure_future(work)
        if identifier:
            self._running[identifier] = job
        try:
            await asyncio.wait([job])
        except asyncio.CancelledError:
            job.cancel()
            await asyncio.wait([job])
            raise
        finally:
            self._running.pop(identifier, None)
            self._uploads.pop(identifier, None)
        if job.cancelled():
            raise Cancelled("context canceled")
        return job.result()

    def cancel(self, identifier: str) -> None:
        """Cancel a build; nothing happens if it does not run."""
        if job := self._running.get(identifier):
            job.cancel()

    async def upload(self, identifier: str, body: AsyncIterator[bytes]) -> None:
        """Bring a build its context; return when it has been read. Raises DeadlineExceeded if nobody asks for it."""
        upload = _Upload(body)
        meeting = self._meeting(identifier)
        if not meeting.done():
            meeting.set_result(upload)
        try:
            async with asyncio.timeout(_MEET):
                await upload.asked.wait()
        except TimeoutError:
            raise DeadlineExceeded(f"no build {identifier} has asked for this context") from None
        finally:
            if self._uploads.get(identifier) is meeting:
                del self._uploads[identifier]
        await upload.taken.wait()

    async def uploaded(self, identifier: str) -> AsyncIterator[bytes]:
        """Yield the context that another request brings. Raises DeadlineExceeded if none does."""
        try:
            async with asyncio.timeout(_MEET):
                upload = await asyncio.shield(self._meeting(identifier))
        except TimeoutError:
            raise DeadlineExceeded(f"the context of build {identifier} has not come") from None
        finally:
            self._uploads.pop(identifier, None)
        upload.asked.set()
        try:
            async for piece in upload.body:
                yield piece
        finally:
            upload.taken.set()

    def _meeting(self, identifier: str) -> asyncio.Future[_Upload]:
        if identifier not in self._uploads:
            self._uploads[identifier] = asyncio.get_running_loop().create_future()
        return self._uploads[identifier]
