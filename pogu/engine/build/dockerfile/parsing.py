"""A Dockerfile's bytes, read to its stages."""

from __future__ import annotations

from pogu.engine.build.dockerfile.directives import check_of, syntax_of
from pogu.engine.build.dockerfile.errors import DockerfileError
from pogu.engine.build.dockerfile.instructions import Arg, Directives, Dockerfile, From, Instruction, Remark, Stage
from pogu.engine.build.dockerfile.reading import read_instruction
from pogu.engine.build.dockerfile.statements import Statement, StatementReader, split_lines


def read_directives(data: bytes) -> Directives:
    """Return what the top of a file says of its front end and checks, even where the rest cannot be read.

    The escape character is the default one here: only whoever reads the instructions needs it.
    """
    lines = [line.rstrip("\n").encode("utf-8", "replace").decode() for line in split_lines(data)]
    return Directives(syntax=syntax_of(lines), check=check_of(lines))


def parse(data: bytes) -> Dockerfile:
    """Return the whole file. Raises DockerfileError, with the lines at fault."""
    if not data:
        raise DockerfileError("the Dockerfile cannot be empty")
    lines = split_lines(data)
    reader = StatementReader(lines)
    statements = list(reader.statements())
    if not statements:
        raise DockerfileError("file with no instructions", len(lines))
    arguments, stages = _stages([_located(statement) for statement in statements])
    top = read_directives(data)
    return Dockerfile(
        directives=Directives(syntax=top.syntax, escape=reader.escape, check=top.check),
        arguments=tuple(arguments),
        stages=tuple(stages),
        empty_continuations=tuple(Remark(message=text, line=line) for text, line in reader.empty_continuations),
        text="".join(lines).encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
    )


def parse_instruction(text: str, escape: str = "\\") -> Instruction:
    """Return the one instruction of an ONBUILD trigger, heredocs and all; FROM is none. Raises DockerfileError."""
    reader = StatementReader(split_lines(text.encode("utf-8", "replace")))
    reader.escape = escape
    statements = list(reader.statements())
    if not statements:
        raise DockerfileError("file with no instructions")
    if len(statements) != 1:
        raise DockerfileError("onbuild trigger should be a single expression")
    instruction = read_instruction(statements[0])
    if isinstance(instruction, From):
        raise DockerfileError("FROM isn't allowed as an ONBUILD trigger")
    return instruction


def _located(statement: Statement) -> Instruction:
    first, last = statement.first_line, statement.last_line
    try:
        return read_instruction(statement)
    except DockerfileError as e:
        raise DockerfileError(f"dockerfile parse error on line {first}: {e.message}", first, last) from None


def _stages(instructions: list[Instruction]) -> tuple[list[Arg], list[Stage]]:
    arguments: list[Arg] = []
    starts: list[From] = []
    bodies: list[list[Instruction]] = []
    for instruction in instructions:
        if isinstance(instruction, From):
            starts.append(instruction)
            bodies.append([])
        elif starts:
            bodies[-1].append(instruction)
        elif isinstance(instruction, Arg):
            arguments.append(instruction)
        else:
            raise DockerfileError("no build stage in current context", instruction.first_line, instruction.last_line)
    if not starts:
        raise DockerfileError("dockerfile contains no stages to build")
    return arguments, [Stage(start=start, instructions=tuple(body)) for start, body in zip(starts, bodies, strict=True)]
