"""Containers' records against their folders and writable layers."""

from __future__ import annotations

import asyncio
import shutil
from functools import partial
from pathlib import Path

from pogu.engine.verification.problem import Problem
from pogu.engine.verification.scene import Scene


async def check(scene: Scene) -> None:
    """Find folders without records, and records without folders or writable layers."""
    rooms = scene.rooms
    folder = rooms.config.root / "containers"
    folders = await asyncio.to_thread(_names, folder)
    layers = set(rooms.storage.containers())
    for id_ in folders:
        if not scene.is_known(id_):
            scene.found(
                Problem(
                    "container",
                    id_,
                    f"the folder {folder / id_} belongs to no container",
                    id_,
                    partial(asyncio.to_thread, shutil.rmtree, folder / id_),
                    "the folder was deleted",
                )
            )
    for id_, entry in {**scene.live, **scene.still}.items():
        scene.checked["containers"] += 1
        if id_ not in folders:
            scene.found(
                Problem(
                    "container",
                    id_,
                    f"the folder of container {entry.record.name} is missing: its output so far is lost",
                    id_,
                    partial(asyncio.to_thread, rooms.directory(id_).mkdir, mode=0o710, exist_ok=True),
                    "an empty folder was made",
                )
            )
        if id_ not in layers:
            text = f"container {entry.record.name} has lost its writable layer: remove it and create it again"
            scene.found(Problem("container", id_, text, id_))


def _names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()} if folder.is_dir() else set()
