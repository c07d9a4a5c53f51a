"""What a build's steps were, written into its image, so that a build elsewhere finds them done (`--cache-from`).

It is a member of the image configuration that other programs pass by: a list of steps, each with the keys under which
the
cache has it and the number of the image's layers that came of it and of what was before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from pogu.engine.build.plan.stage import Entry
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.build.steps import Step
from pogu.engine.images import Image

_MEMBER = "io.pogu.build.cache.v1"


class CachedStep(msgspec.Struct, frozen=True):
    """A step of an image. `created` is RFC 3339."""

    keys: list[str]
    layers: int
    created: str
    name: str


def noted(document: bytes, steps: Sequence[CachedStep]) -> bytes:
    """Return an image configuration with the steps in it."""
    members: dict[str, Any] = msgspec.json.decode(document)
    members[_MEMBER] = msgspec.to_builtins(steps)
    return msgspec.json.encode(members, order="sorted")


def steps_of(entries: Sequence[Entry], keys: dict[Step, list[str]], results: dict[Step, Snapshot]) -> list[CachedStep]:
    """Return the steps of a stage's history that made layers."""
    found = []
    for entry in entries:
        if entry.step is not None and entry.step in keys:
            snapshot = results[entry.step]
            found.append(CachedStep(keys[entry.step], len(snapshot.layers), snapshot.created, entry.step.name))
    return found


def read(image: Image) -> list[tuple[CachedStep, Snapshot]]:
    """Return the steps that an image tells of, with what came of each; none from an image that tells of none."""
    try:
        steps = msgspec.convert(image.document.get(_MEMBER) or [], list[CachedStep])
    except msgspec.ValidationError:
        return []
    return [
        (step, Snapshot(tuple(image.layers[: step.layers]), step.created))
        for step in steps
        if 0 < step.layers <= len(image.layers)
    ]
