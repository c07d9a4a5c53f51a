"""What the arguments of many instructions have in common."""

from __future__ import annotations

from typing import TypedDict

from pogu.engine.build.dockerfile import instructions as ins
from pogu.engine.build.dockerfile.errors import DockerfileError
from pogu.engine.build.dockerfile.flags import Flags
from pogu.engine.build.dockerfile.statements import Statement


class Place(TypedDict):
    """What every instruction has of its statement."""

    keyword: str
    text: str
    first_line: int
    last_line: int
    comments: tuple[str, ...]
    heredocs: tuple[ins.Heredoc, ...]


def place_of(statement: Statement) -> Place:
    """Return the fields that every instruction has."""
    return Place(
        keyword=statement.keyword,
        text=statement.text,
        first_line=statement.first_line,
        last_line=statement.last_line,
        comments=statement.comments,
        heredocs=statement.heredocs,
    )


def no_flags(statement: Statement) -> None:
    """Raise DockerfileError if there are flags."""
    Flags(statement.flags, {})


def at_least_one(statement: Statement, count: int) -> None:
    """Raise DockerfileError if there is nothing."""
    if not count:
        raise DockerfileError(f"{statement.name} requires at least one argument")


def only_argument(statement: Statement) -> str:
    """Return the one argument. Raises DockerfileError if there is none, or if there are flags."""
    if len(statement.arguments) != 1:
        raise DockerfileError(f"{statement.name} requires exactly one argument")
    no_flags(statement)
    return statement.arguments[0]


def pairs_of(statement: Statement) -> tuple[ins.Pair, ...]:
    """Return the pairs, at least one, all with a name. Raises DockerfileError."""
    no_flags(statement)
    at_least_one(statement, len(statement.pairs))
    if not all(pair.name for pair in statement.pairs):
        raise DockerfileError(f"{statement.name} names can not be blank")
    return statement.pairs


def command_of(statement: Statement) -> ins.CommandLine:
    """Return the arguments as a command."""
    return ins.CommandLine(statement.arguments, shell=not statement.json)
