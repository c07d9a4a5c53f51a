"""ADD and COPY: sources, heredocs among them, and flags."""

from __future__ import annotations

from typing import Any

from pogu.engine.build.dockerfile import instructions as ins
from pogu.engine.build.dockerfile.arguments import place_of
from pogu.engine.build.dockerfile.errors import DockerfileError
from pogu.engine.build.dockerfile.flags import Flags, Kind
from pogu.engine.build.dockerfile.heredocs import heredoc_of
from pogu.engine.build.dockerfile.statements import Statement

_COPY_FLAGS = {
    "from": Kind.TEXT,
    "chown": Kind.TEXT,
    "chmod": Kind.TEXT,
    "link": Kind.TRUTH,
    "parents": Kind.TRUTH,
    "exclude": Kind.TEXTS,
}
_ADD_FLAGS = {
    "chown": Kind.TEXT,
    "chmod": Kind.TEXT,
    "link": Kind.TRUTH,
    "checksum": Kind.TEXT,
    "keep-git-dir": Kind.TRUTH,
    "unpack": Kind.TRUTH,
    "exclude": Kind.TEXTS,
}


def _transfer(statement: Statement, known: dict[str, Kind]) -> tuple[Flags, dict[str, Any]]:
    """Return the flags, and what ADD and COPY have in common."""
    if len(statement.arguments) < 2:
        raise DockerfileError(
            f"{statement.name} requires at least two arguments, but only one was provided. "
            "Destination could not be determined"
        )
    flags = Flags(statement.flags, known)
    *sources, destination = statement.arguments
    if heredoc_of(destination) is not None:
        raise DockerfileError(f"{statement.name} cannot accept a heredoc as a destination")
    bodies = {heredoc.name: heredoc for heredoc in statement.heredocs}
    asked = [heredoc_of(source) for source in sources]
    common = {
        "sources": tuple(source for source, heredoc in zip(sources, asked, strict=True) if heredoc is None),
        "contents": tuple(bodies.get(heredoc.name, heredoc) for heredoc in asked if heredoc is not None),
        "destination": destination,
        "chown": flags.text("chown"),
        "chmod": flags.text("chmod"),
        "link": flags.truth("link") or False,
        "excludes": flags.texts("exclude"),
    }
    return flags, common


def read_add(statement: Statement) -> ins.Add:
    flags, common = _transfer(statement, _ADD_FLAGS)
    return ins.Add(
        **place_of(statement),
        **common,
        checksum=flags.text("checksum"),
        keep_git_dir=flags.truth("keep-git-dir"),
        unpack=flags.truth("unpack"),
    )


def read_copy(statement: Statement) -> ins.Copy:
    flags, common = _transfer(statement, _COPY_FLAGS)
    return ins.Copy(**place_of(statement), **common, from_=flags.text("from"), parents=flags.truth("parents") or False)
