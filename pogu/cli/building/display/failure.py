"""Why a build failed: the step's output, and the lines of the Dockerfile around the one that did it. And warnings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

from pogu.cli.building.display.board import Board, Step
from pogu.dialects.buildkit.messages.control import StatusResponse, VertexWarning
from pogu.errors import InvalidArgument

if TYPE_CHECKING:
    from pogu.engine.build.dockerfile import Instruction

_AROUND = 2  # lines shown before and after
_SHOWN = 40  # lines of output
_METADATA = "[internal] load metadata for "


class Display(Protocol):
    """What shows a build."""

    board: Board

    def update(self, parcel: StatusResponse) -> None:
        """Show what was told."""

    def close(self) -> None:
        """Show the end; nothing comes after it."""


def step_report(step: Step) -> Iterator[str]:
    """Yield the lines that tell of a step that failed."""
    yield "------"
    yield f" > {step.name}:"
    lines = list(step.lines)
    hidden = step.dropped + max(0, len(lines) - _SHOWN)
    if hidden:
        yield f"({hidden} lines of output before these are not shown here)"
    for line in lines[-_SHOWN:]:
        yield f"{line.offset:.3f} {line.text}"
    yield "------"


def excerpt(name: str, text: bytes, first: int, last: int) -> Iterator[str]:
    """Yield the lines of a Dockerfile from `first` to `last` (from 1), marked, with some around them."""
    lines = text.decode(errors="replace").splitlines()
    if not 0 < first <= len(lines):
        return
    last = min(max(first, last), len(lines))
    begin, end = max(1, first - _AROUND), min(len(lines), last + _AROUND)
    width = max(4, len(str(end)) + 1)
    yield f"{name}:{first}"
    yield "-" * 20
    for number in range(begin, end + 1):
        mark = ">>>" if first <= number <= last else "   "
        yield f"{number:>{width}} | {mark} {lines[number - 1]}".rstrip()
    yield "-" * 20


def place(text: bytes, step: Step | None) -> tuple[int, int]:
    """Return the first and the last line that an error is about, 0 and 0 where that cannot be told.

    Either the file cannot be read at all, or the name of the step that failed has its instruction.
    """
    from pogu.engine.build.dockerfile import DockerfileError, parse

    found: Sequence[Instruction]
    try:
        dockerfile = parse(text)
    except DockerfileError as e:
        return e.line, e.last_line
    if step is None:
        return 0, 0
    stage_name, wanted = _named(step.name)
    if step.name.startswith(_METADATA):
        found = [stage.start for stage in dockerfile.stages if _full(stage.base) == step.name.removeprefix(_METADATA)]
    else:
        found = [
            each
            for number, stage in enumerate(dockerfile.stages)
            for each in (stage.start, *stage.instructions)
            if _spaced(each.text) == wanted and stage_name in ("", stage.name, f"stage-{number}")
        ]
    return (found[0].first_line, found[0].last_line) if len(found) == 1 else (0, 0)


def _named(name: str) -> tuple[str, str]:
    """Return the stage and the instruction of a step that is called `[build 2/4] RUN make`."""
    match = re.match(r"\[(?:(\S+) +)?\d+/\d+\] ", name)
    if match is None:
        return "", _spaced(name)
    return match[1] or "", _spaced(name[match.end() :])


def _full(image: str) -> str:
    """Return an image's name as the builder's steps have it, empty for what is none."""
    from pogu.engine.images.reference import parse_reference

    try:
        return str(parse_reference(image).tagged())
    except InvalidArgument:
        return ""


def _spaced(text: str) -> str:
    return " ".join(text.split())


def warning_report(warnings: Sequence[VertexWarning]) -> Iterator[str]:
    """Yield the lines that tell of what is likely a mistake."""
    if not warnings:
        return
    yield ""
    yield f"{len(warnings)} warning{'s' if len(warnings) > 1 else ''} found:"
    for warning in warnings:
        place_ = warning.ranges[0].start if warning.ranges else None
        short = warning.short.decode(errors="replace")
        where = f" (line {place_.line})" if place_ is not None else ""
        yield f" - {short}" if short.endswith(where) else f" - {short}{where}"  # BuildKit says the line itself
        for detail in warning.detail:
            yield f"   {detail.decode(errors='replace')}"
        if warning.url:
            yield f"   More: {warning.url}"
