"""A build as the classic builder tells of it: numbered steps, each with its output and the image that came of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pogu.dialects.docker.errors import failure_text
from pogu.engine.build.building import Building
from pogu.engine.build.failures import CommandFailed
from pogu.engine.build.outputs.document import document
from pogu.engine.build.plan.stage import Point, Stage
from pogu.engine.build.progress import BuildEvent, Log, Progress, Vertex, Warned
from pogu.engine.build.solving.solver import CONTAINER
from pogu.engine.images import Images
from pogu.engine.images.digests import short_id

Say = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class Events:
    """Keeps what a build reports until its turn comes."""

    queues: dict[str, asyncio.Queue[BuildEvent]] = field(default_factory=lambda: defaultdict(asyncio.Queue))

    def take(self, event: BuildEvent) -> None:
        """Take an event."""
        if isinstance(event, Warned):
            return
        self.queues[event.digest if isinstance(event, Vertex) else event.vertex].put_nowait(event)


class ClassicBuild:
    """Follows a planned build and makes the images between its steps."""

    def __init__(self, building: Building, images: Images, events: Events, say: Say) -> None:
        self._building = building
        self._images = images
        self._events = events
        self._say = say
        self._number = 0
        self._total = sum(len(stage.points) for stage in building.plan.stages)
        self._ids: dict[int, str] = {}  # of the images that stages end with
        self._running = ""

    async def run(self) -> str:
        """Solve the build, tell of it, and return the ID of its image.

        Raises:
            BuildFailed, PoguError: it cannot be built.
        """
        plan = self._building.plan
        solving = asyncio.ensure_future(self._building.solver.solve([plan.target.step]))
        try:
            for stage in plan.stages:
                await self._stage(stage, solving)
            await solving
        finally:
            if not solving.done():
                solving.cancel()
                await asyncio.wait([solving])
        return self._ids[plan.target.index]

    async def _stage(self, stage: Stage, solving: asyncio.Future[Any]) -> None:
        parent = stage.base_id
        for at, point in enumerate(stage.points):
            self._number += 1
            self._line(f"Step {self._number}/{self._total} : {point.text}")
            if point.made is not None:
                await self._follow(point, solving)
            if at:
                parent = await self._image(stage, point, parent)
            elif not point.entries and parent:
                self._line(f" ---> {short_id(parent)}")
            else:  # the stage stands on another
                parent = self._of_stage(stage) or parent
                self._line(f" ---> {short_id(parent)}" if parent else " ---> ")
        self._ids[stage.index] = parent

    def _of_stage(self, stage: Stage) -> str:
        below = [s for s in self._building.plan.stages if s.index < stage.index and s.step is stage.points[0].step]
        return self._ids[below[-1].index] if below else ""

    async def _follow(self, point: Point, solving: asyncio.Future[Any]) -> None:
        """Tell the output of a step as it comes, until the step is done."""
        assert point.made is not None
        queue = self._events.queues[self._building.solver.vertex(point.made)]
        while True:
            getting = asyncio.ensure_future(queue.get())
            await asyncio.wait([getting, solving], return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                getting.cancel()
                await solving  # it has failed elsewhere
                return
            event = getting.result()
            if isinstance(event, Log):
                text = event.data.decode(errors="replace")
                self._say({"stream": f"\x1b[91m{text}\x1b[0m" if event.stream == 2 else text})
            elif isinstance(event, Progress) and event.name.startswith(CONTAINER):
                self._running = event.name.removeprefix(CONTAINER)[:12]
                self._line(f" ---> Running in {self._running}")
            elif isinstance(event, Vertex) and event.completed:
                if event.error:
                    await solving
                break
        if self._running:
            self._line(f"Removing intermediate container {self._running}")
            self._running = ""

    async def _image(self, stage: Stage, point: Point, parent: str) -> str:
        solver = self._building.solver
        if point.made is None:  # the step before it is done
            await solver.done(point.step)
        made = document(stage, point, self._building.options, solver.result, solver.content)
        known = bool(parent) and made.id in self._images and self._images.get(made.id).parent == parent
        cached = solver.is_cached(point.made) if point.made is not None else known
        identifier = await self._images.add_built(made.raw, made.layers, parent)
        if cached and known and solver.uses_cache:
            self._line(" ---> Using cache")
        self._line(f" ---> {short_id(identifier)}")
        return identifier

    def _line(self, text: str) -> None:
        self._say({"stream": f"{text}\n"})


def told_failure(error: Exception) -> dict[str, Any]:
    """Return the message that ends the stream of a build that failed."""
    if not isinstance(error, CommandFailed):
        return {"errorDetail": {"message": failure_text(error)}, "error": failure_text(error)}
    text = f"The command '{error.command}' returned a non-zero code: {error.code}"
    return {"errorDetail": {"code": error.code, "message": text}, "error": text}
