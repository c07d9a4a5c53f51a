"""The builder: one object that the dialects call."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pogu.engine.build.cache import BuildCache, CacheUsage
from pogu.engine.build.cache.directories import CacheDirectories
from pogu.engine.build.cache.pruning import chosen
from pogu.engine.build.client import BuildClient
from pogu.engine.build.contexts.directories import ContextDirectories
from pogu.engine.build.contexts.inputs import Inputs, Receiver
from pogu.engine.build.contexts.unpacking import clear_all_memory
from pogu.engine.build.dockerfile import parse
from pogu.engine.build.dockerfile.instructions import Dockerfile
from pogu.engine.build.failures import BuildFailed
from pogu.engine.build.files.checksums import FileDigests
from pogu.engine.build.options import BuildOptions, Output
from pogu.engine.build.outputs import inline_cache
from pogu.engine.build.outputs.document import Document, Result, document
from pogu.engine.build.outputs.exporter import Exporter
from pogu.engine.build.outputs.inline_cache import noted, steps_of
from pogu.engine.build.outputs.squashing import put_together, squashed
from pogu.engine.build.outputs.timestamps import clamped
from pogu.engine.build.plan.arguments import Arguments
from pogu.engine.build.plan.bases import Bases
from pogu.engine.build.plan.checking import findings, require_known_syntax, tell_findings, warn
from pogu.engine.build.plan.dispatch import Surroundings
from pogu.engine.build.plan.planning import Plan, Planner
from pogu.engine.build.plan.wording import BuildKit, Classic
from pogu.engine.build.progress import Report, Warned
from pogu.engine.build.solving.fetching import cleared
from pogu.engine.build.solving.filling import Filler
from pogu.engine.build.solving.mounting import Mounter
from pogu.engine.build.solving.running import Runner
from pogu.engine.build.solving.sharing import InFlight
from pogu.engine.build.solving.solver import Order, Solver, Workers
from pogu.engine.build.solving.telling import tell
from pogu.engine.build.workshop import Workshop
from pogu.engine.config import EngineConfig
from pogu.engine.containers import Containers
from pogu.engine.images import Images, host_platform, parse_platform, parse_reference
from pogu.engine.images.layers import Lease
from pogu.engine.naming import new_id
from pogu.engine.state import StateStore
from pogu.engine.storage import StorageDriver
from pogu.errors import InvalidArgument

_CACHE_SHARE = 10  # of the disk: the part that the cache may take


@dataclass(frozen=True, slots=True)
class Building:
    """A build that has been planned and can be solved."""

    plan: Plan
    solver: Solver
    options: BuildOptions
    lease: Lease


class Builder:
    """Builds images; `start` before anything else."""

    def __init__(
        self,
        config: EngineConfig,
        state: StateStore,
        images: Images,
        storage: StorageDriver,
        containers: Containers,
    ) -> None:
        self._images = images
        self._containers = containers
        self._spool = config.root / "tmp" / "build"
        self._passing = config.run / "build"
        self._mounts = CacheDirectories(config.root / "build" / "mounts")
        self._directories = ContextDirectories(config.root / "build" / "contexts")
        self.cache = BuildCache(state, images)
        workshop = self.workshop = Workshop(storage, containers.rooms.roots, images.layers)
        files = FileDigests()
        mounter = Mounter(workshop, self._mounts, self._passing)
        self._workers = Workers(
            self.cache,
            Runner(containers, workshop, mounter),
            Filler(workshop, files, self._spool, images.blob),
            mounter,
            InFlight(),
        )
        self._tidying: asyncio.Task[None] | None = None
        self._exporter = Exporter(images, workshop)
        self.receiver = Receiver(self._spool, files, self._directories)

    async def load(self) -> None:
        """Read what the cache has. Before the images are started, which remove what nobody keeps."""
        await self.cache.load()

    async def start(self) -> None:
        """Clear what builds of an earlier daemon have left."""
        await asyncio.to_thread(self._clear)
        await self._containers.remove_abandoned_builds()
        self.cache.settle()

    def _clear(self) -> None:
        clear_all_memory(self._spool)
        for directory in (self._spool, self._passing):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True, mode=0o700)
        self._mounts.start()
        self._directories.start()

    async def stop(self) -> None:
        """Wait until the disk has the cache, and what served builds is gone."""
        if self._tidying is not None:
            await self._tidying
        await cleared()
        await self.cache.finish()

    @asynccontextmanager
    async def building(
        self, inputs: Inputs, options: BuildOptions, client: BuildClient, report: Report
    ) -> AsyncIterator[Building]:
        """Yield a planned build; what it makes is kept until the end of the block.

        Raises:
            BuildFailed: the Dockerfile cannot be, a base image is not there.
        """
        dockerfile = parse(inputs.dockerfile)
        for tag in options.tags:
            parse_reference(tag)
        require_known_syntax(dockerfile, options)
        async with self._images.layers.lease() as lease:
            await self._learn(options, client, report)
            try:
                plan = await self._plan(dockerfile, inputs, options, client, report)
            except InvalidArgument:
                if not options.classic:
                    await tell_findings(findings(dockerfile, options, inputs.ignore), report)
                raise
            if not options.classic:
                await warn(dockerfile, options, findings(dockerfile, options, inputs.ignore, plan.stages), report)
            order = Order(
                no_cache=options.no_cache or self._lacks_sources(options),
                keeps=not options.classic,
                hidden=not options.classic,
                identity=new_id(),
                drops_empty=options.classic,
            )
            solver = Solver(self._workers, order, client, report, lease)
            yield Building(plan, solver, options, lease)
        self._tidy_soon()

    def check(self, inputs: Inputs, options: BuildOptions) -> list[Warned]:
        """Return what is probably a mistake in a Dockerfile, without building anything. Raises DockerfileError."""
        return findings(parse(inputs.dockerfile), options, inputs.ignore)

    def _tidy_soon(self) -> None:
        """Record what the build used, with nobody waiting for it; one build's uses go with another's."""
        if self._tidying is None or self._tidying.done():
            self._tidying = asyncio.ensure_future(self._tidy())

    async def _tidy(self) -> None:
        await self.cache.note_uses()
        await self._trim()
        self.cache.settle()

    async def _trim(self) -> None:
        """Remove what was not used for longest once the cache takes more than a tenth of the disk."""
        whole = await asyncio.to_thread(shutil.disk_usage, self._spool)
        usage, most = self.usage(), whole.total // _CACHE_SHARE
        if sum(record.size for record in usage) > most:
            await self.cache.remove(record.id for record in chosen(usage, {}, every=True, keep=most))

    def _lacks_sources(self, options: BuildOptions) -> bool:
        """Tell whether a classic build has no cache: with `--cache-from` its only one are those images, if here."""
        return options.classic and bool(options.cache_from) and not any(map(self._images.has, options.cache_from))

    async def _learn(self, options: BuildOptions, client: BuildClient, report: Report) -> None:
        """Take up what the images of `--cache-from` tell of their steps; one that is not to be had is passed by.

        The classic builder pulls none of them.
        """
        if options.classic:
            return
        bases = Bases(self._images, client, report, pull=False)
        for name in options.cache_from:
            try:
                found = await bases.find(name, "", 0)
            except BuildFailed as e:
                async with tell(report, f"importing cache manifest from {name}") as told:
                    told.say(e.message)
                continue
            for step, snapshot in inline_cache.read(found.image):
                await self.cache.learn(step.keys, snapshot, step.name)

    async def _plan(
        self, dockerfile: Dockerfile, inputs: Inputs, options: BuildOptions, client: BuildClient, report: Report
    ) -> Plan:
        try:
            target = parse_platform(options.platform) if options.platform else host_platform()
        except InvalidArgument as e:
            raise BuildFailed(e.message) from None
        arguments = Arguments(options.args, host_platform(), target, options.target)
        wording = Classic() if options.classic else BuildKit()
        escape = dockerfile.directives.escape
        around = Surroundings(options, arguments, wording, escape, inputs.context, inputs.contexts)
        bases = Bases(self._images, client, report, pull=options.pull)
        return await Planner(dockerfile, around, bases, target).plan()

    async def build(self, inputs: Inputs, options: BuildOptions, client: BuildClient, report: Report) -> str:
        """Build what is asked for and give it out; return the ID of the image, empty where none stays here.

        Raises:
            BuildFailed, PoguError: it cannot be built; nothing has the tags.
        """
        async with self.building(inputs, options, client, report) as building:
            target = building.plan.target
            await building.solver.solve([target.step])
            result = await self._clamped(building)
            made = document(target, target.points[-1], options, result, building.solver.content)
            if options.inline_cache or options.cache_to:
                steps = steps_of(target.entries, building.solver.keys, building.solver.results)
                made = Document(noted(made.raw, steps), made.layers)
            identifier = ""
            for output in (*(options.outputs or (Output(names=options.tags),)), *_caches(options)):
                exported = await self._exporter.export(made, result(target.step), output, client, report)
                identifier = exported.image_id or identifier
            return identifier

    async def _clamped(self, building: Building) -> Result:
        """Return what came of each step, without times after SOURCE_DATE_EPOCH where the build has one."""
        epoch, plan, solver = building.options.source_date_epoch, building.plan, building.solver
        if epoch is None:
            return solver.result
        below, whole = solver.result(plan.target.base), solver.result(plan.target.step)
        made = await clamped(
            self._images.layers, building.lease, self._images.blob, whole, below=len(below.layers), latest=epoch * 10**9
        )
        stacks = {len(snapshot.layers): snapshot for snapshot in made}
        return lambda step: stacks.get(len(solver.result(step).layers), solver.result(step))

    async def squash(self, building: Building, identifier: str) -> str:
        """Make an image of one layer over the base of the target stage; return its ID. It takes the place of the other.

        Raises:
            PoguError: the layers cannot be put together.
        """
        target, result = building.plan.target, building.solver.result
        below, final = result(target.base), result(target.step)
        above = final.layers[len(below.layers) :]
        if above:
            archives = [self._images.blob(layer.digest) for layer in above]
            final = await self.workshop.make(below, building.lease, lambda root: put_together(archives, root))
        image = self._images.get(identifier)
        raw = squashed(image, final, target.base_id)
        return await self._images.add_built(raw, final.layers)

    # the cache

    def usage(self) -> list[CacheUsage]:
        """Return what the build cache keeps."""
        return self.cache.usage()

    async def prune(
        self, filters: Mapping[str, Sequence[str]], *, every: bool = False, keep: int = 0
    ) -> tuple[list[str], int]:
        """Remove what the cache keeps and no build uses; return the IDs of its records and the bytes that came back.

        Without `every`, what images share stays. `keep` is bytes that may stay.

        Raises:
            InvalidArgument: an unknown filter or value.
        """
        gone = chosen(self.usage(), filters, every, keep)
        before = self._images.layers.total()
        await self.cache.remove(record.id for record in gone)
        freed = before - self._images.layers.total()
        if not filters and not keep:
            freed += await self._mounts.prune() + await self._directories.prune()
        return [record.id for record in gone], max(freed, 0)


def _caches(options: BuildOptions) -> list[Output]:
    """Return the outputs that `--cache-to` asks for."""
    return [Output(type="registry", names=(name,)) for name in options.cache_to]
