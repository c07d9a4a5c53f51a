"""The image that comes of a stage: its configuration and layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from pogu.engine.build.options import BuildOptions
from pogu.engine.build.plan.stage import Entry, Point, Stage
from pogu.engine.build.plan.wording import CONTENT
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.build.steps import Copy, Step
from pogu.engine.images.digests import sha256
from pogu.engine.images.imageconfig import History, new_image_config
from pogu.engine.images.record import StoredLayer
from pogu.engine.model import ContainerConfig
from pogu.engine.moments import format_ns, now_rfc3339, recorded_ns

Result = Callable[[Step], Snapshot]
Content = Callable[[Step], str]


@dataclass(frozen=True, slots=True)
class Document:
    """An image configuration, as bytes, and the layers it is of."""

    raw: bytes
    layers: tuple[StoredLayer, ...]

    @property
    def id(self) -> str:
        """The image's ID."""
        return sha256(self.raw)


def document(stage: Stage, point: Point, options: BuildOptions, result: Result, content: Content) -> Document:
    """Return the image of a stage as it is at one of its points.

    What has no time of its own gets that of what is before it, so that a build that finds everything in the cache gives
    the same image again.
    """
    history = _base_history(stage, result, point.entries)
    created = stage.base_created
    below = _base_layers(stage, result)
    for entry in point.entries:
        layers = below
        if entry.step is not None:
            snapshot = result(entry.step)
            layers, created = len(snapshot.layers), snapshot.created
        created = created or now_rfc3339()
        history.append(_entry(entry, created, content, empty=layers == below))
        below = layers
    created = created or now_rfc3339()
    if options.source_date_epoch is not None:
        created = format_ns(min(recorded_ns(created), options.source_date_epoch * 10**9))
        history = [_not_after(h, options.source_date_epoch * 10**9) for h in history]
    settings, final = _labelled(point.config, options), result(point.step)
    raw = new_image_config(
        diff_ids=[layer.diff_id for layer in final.layers],
        history=history,
        config=settings,
        architecture=stage.platform.architecture,
        variant=stage.platform.variant,
        created=created,
        author=stage.author,
        container_config=settings if options.classic else None,
    )
    return Document(raw, final.layers)


def _entry(entry: Entry, created: str, content: Content, *, empty: bool) -> History:
    text = entry.created_by
    if isinstance(entry.step, Copy):
        text = text.replace(CONTENT, content(entry.step))
    return History(created=created, created_by=text, author=entry.author, comment=entry.comment, empty_layer=empty)


def _base_layers(stage: Stage, result: Result) -> int:
    return len(result(stage.base).layers)


def _base_history(stage: Stage, result: Result, entries: Sequence[Entry]) -> list[History]:
    """Return the history of the image below, an entry added for each layer that it does not tell of."""
    history = list(stage.base_history)
    told = sum(not entry.empty_layer for entry in history)
    missing = _base_layers(stage, result) - told
    return history + [History(created=stage.base_created) for _ in range(missing if entries else 0)]


def _not_after(history: History, limit: int) -> History:
    moment = recorded_ns(history.created or "")
    return msgspec.structs.replace(history, created=format_ns(min(moment, limit)))


def _labelled(config: ContainerConfig, options: BuildOptions) -> ContainerConfig:
    if not options.labels or options.classic:  # there they are an instruction
        return config
    return msgspec.structs.replace(config, labels={**(config.labels or {}), **options.labels})
