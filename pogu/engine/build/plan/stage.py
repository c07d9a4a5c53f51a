"""A stage while its instructions are gone through: the step it has come to, and the configuration so far."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from pogu.engine.build.steps import Step
from pogu.engine.images.imageconfig import History
from pogu.engine.images.platform import Platform
from pogu.engine.model import ContainerConfig

DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history to be: `step` made a layer, or None."""

    created_by: str
    comment: str
    step: Step | None
    author: str = ""


@dataclass(slots=True)
class Point:
    """What an image would be after one instruction; `text` is as written."""

    text: str
    line: int
    step: Step
    config: ContainerConfig
    entries: list[Entry]
    made: Step | None
    """The step of this instruction itself, if it makes a layer."""


@dataclass(slots=True)
class Stage:
    """One stage. `base_history` is of the image below, whose entries come first."""

    name: str
    index: int
    step: Step
    config: ContainerConfig
    platform: Platform
    base: Step
    """What the history of the image below goes with."""
    base_history: list[History] = field(default_factory=list)
    base_created: str = ""
    base_id: str = ""
    author: str = ""
    entries: list[Entry] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    arguments: dict[str, str] = field(default_factory=dict)
    """Build arguments declared in the stage that have a value."""
    declared: set[str] = field(default_factory=set)
    has_command: bool = False
    """Whether CMD was set in the Dockerfile: an ENTRYPOINT resets one that was inherited."""

    @property
    def shell(self) -> list[str]:
        return list(self.config.shell or DEFAULT_SHELL)

    @property
    def env(self) -> dict[str, str]:
        """The environment of the image."""
        return dict(line.partition("=")[::2] for line in self.config.env or [])

    @property
    def variables(self) -> dict[str, str]:
        """What instructions can use: arguments, and the environment over them."""
        return {**self.arguments, **self.env}

    def set_env(self, name: str, value: str) -> None:
        """Set a variable, in the place of an older one."""
        lines = list(self.config.env or [])
        for at, line in enumerate(lines):
            if line.partition("=")[0] == name:
                lines[at] = f"{name}={value}"
                break
        else:
            lines.append(f"{name}={value}")
        self.config.env = lines

    def note(self, created_by: str, comment: str, made: Step | None = None) -> None:
        """Add to the history."""
        self.entries.append(Entry(created_by, comment, made, self.author))
        if made is not None:
            self.step = made

    def mark(self, text: str, line: int) -> None:
        """Remember what the image would be now, after an instruction."""
        before = self.points[-1].step if self.points else self.step
        made = self.step if self.step is not before else None
        self.points.append(Point(text, line, self.step, copy.copy(self.config), list(self.entries), made))

    def follow(self, name: str, index: int) -> Stage:
        """Return a stage that begins with what this one ends with (`FROM` its name)."""
        return Stage(
            name=name,
            index=index,
            step=self.step,
            config=copy.deepcopy(self.config),
            platform=self.platform,
            base=self.base,
            base_history=list(self.base_history),
            base_created=self.base_created,
            base_id=self.base_id,
            author=self.author,
            entries=list(self.entries),
        )
