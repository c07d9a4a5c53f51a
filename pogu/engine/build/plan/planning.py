"""The way from a Dockerfile to what is to be done: the stages that are needed, gone through once each."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass

from pogu.engine.build.contexts.context import Context
from pogu.engine.build.dockerfile import instructions as written
from pogu.engine.build.dockerfile.expansion import expand
from pogu.engine.build.dockerfile.parsing import parse_instruction
from pogu.engine.build.failures import BuildFailed
from pogu.engine.build.plan.bases import Bases, Found
from pogu.engine.build.plan.dispatch import Scene, Surroundings, dispatch, label_literally
from pogu.engine.build.plan.stage import Stage
from pogu.engine.build.plan.transfers import run, transfer
from pogu.engine.build.steps import Base, Step
from pogu.engine.images import parse_platform
from pogu.engine.images.platform import Platform
from pogu.engine.model import ContainerConfig
from pogu.engine.runtime.process import DEFAULT_PATH
from pogu.errors import InvalidArgument

_LAYERS = (written.Run, written.Copy, written.Add, written.Workdir)
_PATH = f"PATH={DEFAULT_PATH}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done: the stage that the image comes of, and all that were gone through for it, in order."""

    target: Stage
    stages: list[Stage]
    unused_arguments: list[str]


class Planner:
    """Goes through one Dockerfile."""

    def __init__(self, dockerfile: written.Dockerfile, around: Surroundings, bases: Bases, platform: Platform) -> None:
        self._dockerfile = dockerfile
        self._around = around
        self._bases = bases
        self._platform = platform
        self._stages: dict[int, asyncio.Task[Stage]] = {}
        self._names = {stage.name: index for index, stage in enumerate(dockerfile.stages) if stage.name}

    async def plan(self) -> Plan:
        """Return the plan for the target that the options name, or the last stage.

        Raises:
            BuildFailed: there is no such stage, or an instruction cannot be.
        """
        for arg in self._dockerfile.arguments:
            for argument in arg.arguments:
                known = self._around.arguments.for_from()
                default = argument.default
                self._around.arguments.declare_global(
                    argument.name, None if default is None else expand(default, known, self._around.escape)
                )
        try:
            target = await self._stage(self._target())
        finally:
            for task in self._stages.values():
                task.cancel()
        stages = [task.result() for _, task in sorted(self._stages.items())]
        if self._around.options.classic and self._around.options.labels:
            await self._label(target)
        declared = {a.name for arg in self._dockerfile.arguments for a in arg.arguments}
        declared.update(*(stage.declared for stage in stages))
        return Plan(target, stages, self._around.arguments.unused(declared))

    async def _label(self, target: Stage) -> None:
        """Add the options' labels as instructions at the end, as the classic builder does."""
        for name, value in sorted(self._around.options.labels.items()):
            text = f"LABEL {name}={value}"
            label_literally(Scene(target, self._around, 0, text), [written.Pair(name, value)])
            target.mark(text, 0)

    def _target(self) -> int:
        wanted = self._around.options.target.lower()
        if not wanted:
            return len(self._dockerfile.stages) - 1
        found = self._index(wanted, len(self._dockerfile.stages))
        if found is None:
            if self._around.options.classic:
                raise BuildFailed(f"failed to reach build target {self._around.options.target} in Dockerfile")
            raise BuildFailed(f"target stage {self._around.options.target} could not be found")
        return found

    def _index(self, name: str, before: int) -> int | None:
        """Return the index of the last stage of that name, or of that number, before another."""
        for index in range(before - 1, -1, -1):
            if self._dockerfile.stages[index].name == name.lower():
                return index
        return int(name) if name.isdigit() and int(name) < before else None

    async def _stage(self, index: int) -> Stage:
        task = self._stages.get(index)
        if task is None:
            task = self._stages[index] = asyncio.ensure_future(self._go_through(index))
        return await asyncio.shield(task)

    async def _go_through(self, index: int) -> Stage:
        source = self._dockerfile.stages[index]
        stage = await self._begin(index, source)
        triggers = [self._trigger(text, source) for text in stage.config.on_build or []]
        stage.config.on_build = None
        stage.mark(source.start.text, source.line)
        instructions = [*triggers, *source.instructions]
        total = 1 + sum(isinstance(each, _LAYERS) for each in instructions)
        number = 1
        for each in instructions:
            number += isinstance(each, _LAYERS)
            label = f"{stage.name} {number}/{total}" if len(self._dockerfile.stages) > 1 else f"{number}/{total}"
            await self._instruction(stage, each, f"[{label}] {each.text}")
        return stage

    async def _instruction(self, stage: Stage, what: written.Instruction, title: str) -> None:
        scene = Scene(stage, self._around, what.first_line, title)
        try:
            if isinstance(what, written.Run):
                await run(scene, what, lambda name, line: self._find(name, stage.index, line))
            elif isinstance(what, written.Copy | written.Add):
                await transfer(scene, what, lambda name, line: self._find(name, stage.index, line))
            else:
                dispatch(scene, what)
        except InvalidArgument as e:
            raise BuildFailed(e.message, what.first_line) from None
        stage.mark(what.text, what.first_line)

    def _trigger(self, text: str, source: written.Stage) -> written.Instruction:
        try:
            return parse_instruction(text, self._around.escape)
        except InvalidArgument as e:
            raise BuildFailed(e.message, source.line) from None

    async def _begin(self, index: int, source: written.Stage) -> Stage:
        known, escape = self._around.arguments.for_from(), self._around.escape
        try:
            base = expand(source.base, known, escape)
            platform = expand(source.platform, known, escape)
            wanted = parse_platform(platform) if platform else self._platform
        except InvalidArgument as e:
            raise BuildFailed(e.message, source.line) from None
        if not base:
            raise BuildFailed(f"base name ({source.base}) should not be blank", source.line)
        name = source.name or f"stage-{index}"
        below = self._index(base, index)
        if below is not None and not base.isdigit():
            beneath = await self._stage(below)
            stage = beneath.follow(name, index)
            if self._around.options.classic:
                stage.has_command = beneath.has_command
            else:
                stage.arguments = dict(beneath.arguments)
            return stage
        if base == "scratch":
            return _scratch(name, index, wanted, classic=self._around.options.classic)
        found = await self._bases.find(self._named(base), str(wanted) if platform or self._asked() else "", source.line)
        return _on_image(name, index, base, found)

    def _asked(self) -> bool:
        return bool(self._around.options.platform)

    def _named(self, base: str) -> str:
        """Return the image that a named context puts in place of a base."""
        context = self._around.options.contexts.get(base, "")
        return context.removeprefix("docker-image://") if context.startswith("docker-image://") else base

    async def _find(self, name: str, before: int, line: int) -> Step | Context:
        """Return what `--from` names: a stage before this one, an image, or a named context."""
        index = self._index(name, before)
        if index is not None:
            return (await self._stage(index)).step
        if name.isdigit() or self._names.get(name.lower(), -1) >= before:
            raise BuildFailed(f"invalid from flag value {name}: invalid stage index {name}", line)
        context = self._around.contexts.get(name)
        if context is not None:
            return context
        found = await self._bases.find(self._named(name), "", line)
        return Base(name=f"FROM {name}", line=line, snapshot=found.snapshot)


def _scratch(name: str, index: int, platform: Platform, *, classic: bool) -> Stage:
    config = ContainerConfig(env=[_PATH], working_dir="" if classic else "/")
    nothing = Base(name="FROM scratch")
    return Stage(name, index, nothing, config, platform, nothing)


def _on_image(name: str, index: int, base: str, found: Found) -> Stage:
    image, step = found.image, Base(name=f"FROM {base}", snapshot=found.snapshot)
    config = copy.deepcopy(image.config)
    if not any(line.startswith("PATH=") for line in config.env or ()):
        config.env = [*(config.env or ()), _PATH]
    return Stage(
        name=name,
        index=index,
        step=step,
        base=step,
        config=config,
        platform=image.platform,
        base_history=list(image.history),
        base_created=image.created,
        base_id=image.id,
        author=image.author,
    )
