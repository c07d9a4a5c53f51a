"""Outputs as clients ask for them: a type and attributes."""

from __future__ import annotations

from collections.abc import Mapping

from pogu.engine.build.options import Output
from pogu.errors import InvalidArgument

_TYPES = ("image", "moby", "oci", "docker", "tar", "local")


def output_of(kind: str, attributes: Mapping[str, str], tags: tuple[str, ...] = ()) -> Output:
    """Return an output by its type and its attributes `name` (several with commas between) and `push`.

    Raises:
        InvalidArgument: there is no such type.
    """
    if kind not in _TYPES:
        raise InvalidArgument(f"exporter {kind!r} could not be found")
    names = (name.strip() for name in attributes.get("name", "").split(","))
    named = dict.fromkeys([*(name for name in names if name), *tags])
    return Output(type=kind, names=tuple(named), push=attributes.get("push", "").lower() in ("1", "t", "true"))
