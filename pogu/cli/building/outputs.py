"""`--output`: where what comes of a build goes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pogu.cli.building.pairs import read_pairs, split_fields
from pogu.cli.invoke import Failed
from pogu.cli.terminal import is_terminal

_DIRECTORIES = ("local",)
_ARCHIVES = ("tar", "oci", "docker")


@dataclass(frozen=True)
class Output:
    """One output. `destination` is a path here, `-` for standard output; it is empty for what stays with the daemon."""

    type: str = ""
    destination: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_directory(self) -> bool:
        return self.type in _DIRECTORIES


def find_output(given: Sequence[str]) -> Output:
    """Return the output that the flags ask for, that of no type where none does.

    Raises:
        WrongValue: a text means nothing.
        Failed: it cannot be had.
    """
    if len(given) > 1:
        raise Failed("multiple outputs currently unsupported")
    return read_output(given[0]) if given else Output()


def read_output(text: str) -> Output:
    """Return what one `--output` means: `type=TYPE[,dest=PATH][,KEY=VALUE]`, or a directory, or `-` for an archive."""
    fields = split_fields("-o, --output", text)
    if len(fields) == 1 and "=" not in text:
        return Output("tar", "-") if text == "-" else Output("local", text)
    attributes = read_pairs("-o, --output", text)
    kind, destination = attributes.pop("type", ""), attributes.pop("dest", "")
    if not kind:
        raise Failed(f"type is required for output: {text}")
    if kind in _DIRECTORIES and not destination:
        raise Failed(f"dest is required for {kind} output")
    if kind == "docker" and not destination:
        return Output("image", "", attributes)  # into the daemon, where it is then
    if kind in _ARCHIVES and not destination:
        destination = "-"
    if destination == "-" and (kind in _DIRECTORIES or is_terminal(sys.stdout)):
        raise Failed("output to a terminal or of a directory needs dest=PATH")
    if kind in _ARCHIVES and os.path.isdir(destination):  # noqa: PTH112 # also of "-"
        raise Failed(f"destination directory {destination} is not a file")
    return Output(kind, destination, attributes)
