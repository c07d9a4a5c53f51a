"""`pogu build --check`: what a Dockerfile says that is likely a mistake. Nothing is built, no daemon is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pogu.cli.building.display.failure import excerpt
from pogu.cli.building.packing import ignore_patterns
from pogu.cli.building.query import build_arguments
from pogu.cli.building.source import Source
from pogu.cli.invoke import Exit, Failed

if TYPE_CHECKING:
    from pogu.engine.build.progress import Warned


def find_warnings(source: Source, given: dict[str, Any]) -> Sequence[Warned]:
    """Return what is likely a mistake in a Dockerfile that this side can read, nothing where it cannot be read.

    Raises:
        DockerfileError: it is wrong.
    """
    from pogu.engine.build.dockerfile import parse
    from pogu.engine.build.dockerfile.checks import Setting, checks
    from pogu.engine.build.ignore import Ignore

    text = source.read_dockerfile()
    if text is None:
        return []
    patterns = ignore_patterns(source.directory, source.dockerfile) if source.directory else []
    setting = Setting(arguments=build_arguments(given["build_arg"]), ignore=Ignore(patterns))
    return checks(parse(text), setting)


def check(source: Source, given: dict[str, Any]) -> None:
    """Print what is found.

    Raises:
        Failed: the Dockerfile is wrong, or cannot be read here.
        Exit: something was found.
    """
    from pogu.engine.build.dockerfile import DockerfileError

    text = source.read_dockerfile()
    if text is None:
        raise Failed("--check needs a Dockerfile on this machine: in a directory, or on standard input")
    name = source.dockerfile or "Dockerfile"
    try:
        found = find_warnings(source, given)
    except DockerfileError as e:
        print("\n".join(excerpt(name, text, e.line, e.last_line)))
        raise Failed(f"ERROR: {e.message}") from None
    if not found:
        print("Check complete, no warnings found.")
        return
    print(f"Check complete, {len(found)} warning{'s have' if len(found) > 1 else ' has'} been found!")
    for warning in found:
        print("\n" + "\n".join(_report(warning, name, text)))
    raise Exit(1)


def _report(warning: Warned, name: str, text: bytes) -> Iterator[str]:
    yield f"WARNING: {warning.rule}{f' - {warning.url}' if warning.url else ''}"
    if warning.detail:
        yield warning.detail
    yield warning.message
    yield from excerpt(name, text, warning.first_line, warning.last_line)
