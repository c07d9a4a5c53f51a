"""How keywords and stages are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pogu.engine.build.dockerfile.checks import rules
from pogu.engine.build.dockerfile.checks.findings import Findings
from pogu.engine.build.dockerfile.errors import quoted
from pogu.engine.build.dockerfile.instructions import Arg, Dockerfile, From, Instruction, Maintainer

_RESERVED = ("context", "scratch")


def check_naming(dockerfile: Dockerfile, found: Findings) -> None:
    """Check the whole file."""
    for remark in dockerfile.empty_continuations:
        found.add_at_line(rules.NO_EMPTY_CONTINUATION, remark.line, "Empty continuation line")
    for arg in dockerfile.arguments:
        _check_arg(arg, found)
    for instruction in _instructions(dockerfile):
        if isinstance(instruction, Arg):
            _check_arg(instruction, found)
        elif isinstance(instruction, From):
            _check_from(instruction, found)
        elif isinstance(instruction, Maintainer):
            message = "Maintainer instruction is deprecated in favor of using label"
            found.add(rules.MAINTAINER_DEPRECATED, instruction, message)
    _check_stage_names(dockerfile, found)
    _check_casing(list(_instructions(dockerfile)), found)


def _instructions(dockerfile: Dockerfile) -> Iterator[Instruction]:
    for stage in dockerfile.stages:
        yield stage.start
        yield from stage.instructions


def _check_from(start: From, found: Findings) -> None:
    if start.stage_text != start.stage:
        message = f"Stage name '{start.stage_text}' should be lowercase"
        found.add(rules.STAGE_NAME_CASING, start, message)
    keyword, as_keyword = start.keyword, start.as_keyword
    wanted = {keyword.lower(): as_keyword.lower(), keyword.upper(): as_keyword.upper()}.get(keyword, as_keyword)
    if wanted != as_keyword:
        found.add(rules.FROM_AS_CASING, start, f"'{as_keyword}' and '{keyword}' keywords' casing do not match")
    if start.stage:
        _check_description(start, [start.stage], found)


def _check_arg(arg: Arg, found: Findings) -> None:
    _check_description(arg, [argument.name for argument in arg.arguments], found)


def _check_description(where: Instruction, names: Sequence[str], found: Findings) -> None:
    if where.comments and where.comments[-1].partition(" ")[0] not in names:
        name = names[0] if len(names) == 1 else "<arg_key>"
        message = f"Comment for {where.name} should follow the format: `# {name} <description>`"
        found.add(rules.INVALID_DEFINITION_DESCRIPTION, where, message)


def _check_stage_names(dockerfile: Dockerfile, found: Findings) -> None:
    seen: set[str] = set()
    for stage in dockerfile.stages:
        if stage.name in _RESERVED:
            message = f"Stage name should not use the same name as reserved stage {quoted(stage.name)}"
            found.add(rules.RESERVED_STAGE_NAME, stage.start, message)
        if stage.name in seen:
            message = f"Duplicate stage name {quoted(stage.name)}, stage names should be unique"
            found.add(rules.DUPLICATE_STAGE_NAME, stage.start, message)
        seen |= {stage.name} - {""}


def _check_casing(instructions: Sequence[Instruction], found: Findings) -> None:
    """Keywords are all to be in the one case that most of them have; capitals where there are as many of each."""
    lower = sum(i.keyword == i.keyword.lower() for i in instructions)
    upper = sum(i.keyword == i.keyword.upper() for i in instructions)
    case = "lowercase" if lower > upper else "uppercase"
    for instruction in instructions:
        keyword = instruction.keyword
        if keyword != (keyword.lower() if lower > upper else keyword.upper()):
            message = f"Command '{keyword}' should match the case of the command majority ({case})"
            found.add(rules.CONSISTENT_INSTRUCTION_CASING, instruction, message)
