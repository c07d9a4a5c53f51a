"""Builds that came over gRPC, between the calls that each consists of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager

from pogu.dialects.buildkit.messages.control import StatusResponse
from pogu.engine.naming import new_id
from pogu.errors import Conflict, NotFound

_WAIT = 5.0  # seconds that a call waits for its build, which another call begins at the same time


class Job:
    """One build: what it has told, and what its client directs it to make."""

    def __init__(self) -> None:
        self.told: list[StatusResponse] = []
        self.results: dict[str, Mapping[str, str]] = {}
        """The attributes of each front end that was asked for, by the reference that its result was given."""
        self.returned: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """The reference of the result that the client wants; empty for none."""
        self._finished = False
        self._changed = asyncio.Event()

    def tell(self, parcel: StatusResponse) -> None:
        """Add to what the build tells."""
        self.told.append(parcel)
        self._changed.set()

    def finish(self) -> None:
        """Nothing more will be told."""
        self._finished = True
        self._changed.set()

    def add_result(self, attributes: Mapping[str, str]) -> str:
        """Return a reference for what a frontend will make of its attributes."""
        reference = new_id()
        self.results[reference] = attributes
        return reference

    async def follow(self) -> AsyncIterator[list[StatusResponse]]:
        """Yield what is told, from the beginning to the end. Any number of tasks may."""
        seen = 0
        while True:
            if seen < len(self.told):
                parcels = self.told[seen:]
                seen = len(self.told)
                yield parcels
            elif self._finished:
                return
            else:
                self._changed.clear()
                await self._changed.wait()


class Jobs:
    """Builds by the reference that their clients have given them."""

    def __init__(self) -> None:
        self._running: dict[str, Job] = {}

    @contextmanager
    def running(self, reference: str) -> Iterator[Job]:
        """Yield a new build, which others find until some time after the block. Raises Conflict if there is one."""
        if reference in self._running:
            raise Conflict(f"job ID {reference} exists")
        self._running[reference] = job = Job()
        try:
            yield job
        finally:
            job.finish()
            asyncio.get_running_loop().call_later(_WAIT, self._running.pop, reference)  # who follows may come late

    async def get(self, reference: str) -> Job:
        """Return a build that runs or has just ended, as soon as it is there. Raises NotFound after some seconds."""
        end = asyncio.get_running_loop().time() + _WAIT
        while (job := self._running.get(reference)) is None:
            if asyncio.get_running_loop().time() > end:
                raise NotFound(f"no such job {reference}")
            await asyncio.sleep(0.01)
        return job
