"""One build's graph, solved: each step when its inputs are there, from the cache where that has it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from pogu import failpoints
from pogu.engine.build.cache import BuildCache
from pogu.engine.build.client import BuildClient
from pogu.engine.build.progress import Log, Progress, Report, Vertex
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.build.solving.contents import content_name
from pogu.engine.build.solving.filling import Filler
from pogu.engine.build.solving.mounting import Mounter
from pogu.engine.build.solving.running import Runner
from pogu.engine.build.solving.sharing import InFlight, Output
from pogu.engine.build.steps import Base, ContextFiles, Copy, Run, Step, Workdir
from pogu.engine.images.digests import EMPTY_TAR, sha256
from pogu.engine.images.layers import Lease
from pogu.errors import PoguError

CONTAINER = "running in "  # how the name of a progress that tells a step's container begins
_PARALLEL = 4  # steps of one build that are carried out at a time


@dataclass(frozen=True, slots=True)
class Workers:
    """Who carries out steps: the same for all builds."""

    cache: BuildCache
    runner: Runner
    filler: Filler
    mounter: Mounter
    in_flight: InFlight


@dataclass(frozen=True, slots=True)
class Order:
    """How one build is to be done. `keeps`: the cache keeps the layers; `hidden`: no list shows the containers."""

    no_cache: bool = False
    keeps: bool = True
    hidden: bool = True
    identity: str = ""
    """What makes vertices of this build differ from those of others."""
    drops_empty: bool = False
    """Whether a step that has changed nothing makes no layer."""


class Solver:
    """Solves one graph. What it makes is in the lease until the build has recorded it."""

    def __init__(self, workers: Workers, order: Order, client: BuildClient, report: Report, lease: Lease) -> None:
        self._workers = workers
        self._order = order
        self._client = client
        self._report = report
        self._lease = lease
        self._tasks: dict[Step, asyncio.Task[Snapshot]] = {}
        self._results: dict[Step, Snapshot] = {}
        self._vertices: dict[Step, str] = {}
        self._cached: set[Step] = set()
        self.keys: dict[Step, list[str]] = {}
        self._contents: dict[Step, str] = {}
        self._slots = asyncio.Semaphore(_PARALLEL)

    def is_cached(self, step: Step) -> bool:
        """Tell whether a step that was solved came of the cache."""
        return step in self._cached

    @property
    def uses_cache(self) -> bool:
        """Whether anything may come of the cache."""
        return not self._order.no_cache

    @property
    def results(self) -> dict[Step, Snapshot]:
        """What came of the steps that were solved."""
        return self._results

    def result(self, step: Step) -> Snapshot:
        """Return what came of a step that was solved."""
        return self._results[step]

    def content(self, step: Step) -> str:
        """Return how the history names what a COPY or ADD that was solved has brought."""
        return self._contents.get(step, "")

    async def done(self, step: Step) -> None:
        """Wait until a step that is being solved is done. Raises as `solve`."""
        await self._result(step)

    async def solve(self, steps: Sequence[Step]) -> list[Snapshot]:
        """Return the results of steps; when one fails, or the caller is cancelled, the others are given up.

        Raises:
            BuildFailed, PoguError: the first failure.
        """
        try:
            return list(await asyncio.gather(*(self._result(step) for step in steps)))
        except BaseException:
            await self._give_up()
            raise

    async def _give_up(self) -> None:
        tasks = [task for task in self._tasks.values() if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _result(self, step: Step) -> Snapshot:
        task = self._tasks.get(step)
        if task is None:
            task = self._tasks[step] = asyncio.ensure_future(self._solve(step))
        return await asyncio.shield(task)

    async def _solve(self, step: Step) -> Snapshot:
        inputs = list(dict.fromkeys(step.inputs()))
        await asyncio.gather(*(self._result(each) for each in inputs))
        if isinstance(step, Base):
            self._lease.stacks.append(step.snapshot.layers)
            made = step.snapshot
        else:
            made = await self._told(step, lambda: self._carry_out(step))
            if self._order.drops_empty:
                made = _without_empty(made, self._results[inputs[0]])
        self._results[step] = made
        return made

    async def _told(self, step: Step, work: Callable[[], Awaitable[Snapshot]]) -> Snapshot:
        """Report a step's beginning and end around `work`."""
        vertex = Vertex(
            digest=self.vertex(step), name=step.name, inputs=tuple(self.vertex(each) for each in step.inputs())
        )
        started = time.time_ns()
        self._report(msgspec.structs.replace(vertex, started=started))
        try:
            snapshot = await work()
        except asyncio.CancelledError:
            self._end(vertex, started, error="context canceled")
            raise
        except PoguError as e:
            self._end(vertex, started, error=e.message)
            raise
        self._end(vertex, started, cached=step in self._cached)
        return snapshot

    def _end(self, vertex: Vertex, started: int, *, cached: bool = False, error: str = "") -> None:
        self._report(
            msgspec.structs.replace(vertex, started=started, completed=time.time_ns(), cached=cached, error=error)
        )

    def vertex(self, step: Step) -> str:
        """Return the digest under which a step is reported."""
        known = self._vertices.get(step)
        if known is None:
            inputs = [self.vertex(each) for each in step.inputs()]
            known = self._vertices[step] = _digest([self._order.identity, id(step), step.name, inputs])
        return known

    # carrying out

    async def _carry_out(self, step: Step) -> Snapshot:
        if isinstance(step, Copy):
            return await self._copy(step)
        if isinstance(step, Run):
            return await self._run(step)
        assert isinstance(step, Workdir)
        below = self._results[step.parent]
        key = _digest([step.definition(), below.chain])
        return await self._once(step, [key], lambda say: self._workers.filler.make_workdir(step, below, self._lease))

    async def _copy(self, step: Copy) -> Snapshot:
        filler, below = self._workers.filler, self._results[step.parent]
        async with filler.brought(step, self._download_told(step)) as here:
            identities = await filler.identities(step, here)
            stages = [self._results[each].chain for each in list(step.inputs())[1:]]
            self._contents[step] = content_name(step, here, _digest([identities, stages]).partition(":")[2])
            definition: list[Any] = [step.definition(), identities, below.chain]
            keys: list[str] = [_digest([*definition, stages])]
            if stages:
                self.keys[step] = keys
                if (known := self._known(step, keys)) is not None:
                    return known
                keys.insert(0, _digest([*definition, await filler.stage_contents(step, self._results)]))
            return await self._once(step, keys, lambda say: filler.copy(step, below, self._results, here, self._lease))

    async def _run(self, step: Run) -> Snapshot:
        below = self._results[step.parent]
        sources: list[Any] = []
        for mount in step.mounts:
            if isinstance(mount.files, ContextFiles) and mount.type == "bind":
                sources.append(await self._workers.filler.context_digest(mount.files, step.line))
            elif mount.files is not None and not isinstance(mount.files, ContextFiles):
                sources.append(self._results[mount.files.step].chain)
        key = _digest([step.definition(), sources, below.chain])

        async def work(say: Output) -> Snapshot:
            async with self._workers.mounter.mounted(step, below, self._results, self._client) as mounted:
                return await self._workers.runner.run(step, below, mounted, self._lease, say, hidden=self._order.hidden)

        return await self._once(step, [key], work)

    def _known(self, step: Step, keys: Iterable[str]) -> Snapshot | None:
        if self._order.no_cache or step.no_cache:
            return None
        known = self._workers.cache.find(keys)
        if known is not None:
            self._cached.add(step)
            self._lease.stacks.append(known.layers)
        return known

    async def _once(self, step: Step, keys: list[str], work: Callable[[Output], Awaitable[Snapshot]]) -> Snapshot:
        """Take a step from the cache, or do it, or wait for another build that does."""
        self.keys[step] = keys
        if (known := self._known(step, keys)) is not None:
            return known

        async def begin(say: Output) -> Snapshot:
            async with self._slots:
                made = await work(say)
            failpoints.step("build.step.made")
            await self._workers.cache.put(keys, made, step.name, self._order.keeps)
            failpoints.step("build.step.recorded")
            return made

        alone = f"{self._order.identity}-" if self._order.no_cache or step.no_cache else ""
        snapshot, joined = await self._workers.in_flight.run(alone + keys[0], self._say(step), begin)
        self._lease.stacks.append(snapshot.layers)
        if joined:
            self._cached.add(step)
        return snapshot

    def _say(self, step: Step) -> Output:
        vertex = self.vertex(step)

        def say(stream: int, data: bytes) -> None:
            now = time.time_ns()
            if stream:
                self._report(Log(vertex=vertex, stream=stream, data=data, at=now))
            else:
                self._report(Progress(vertex=vertex, name=f"{CONTAINER}{data.decode()}", at=now))

        return say

    def _download_told(self, step: Copy) -> Callable[[int, int], None]:
        vertex, started = self.vertex(step), time.time_ns()
        return lambda come, total: self._report(
            Progress(vertex=vertex, name="downloading", current=come, total=total, started=started, at=time.time_ns())
        )


def _without_empty(made: Snapshot, below: Snapshot) -> Snapshot:
    """Return a step's result without its layer if nothing is in that."""
    if len(made.layers) > len(below.layers) and made.layers[-1].diff_id == EMPTY_TAR:
        return Snapshot(below.layers, made.created)
    return made


def _digest(value: Any) -> str:
    return sha256(msgspec.json.encode(value, order="sorted"))
