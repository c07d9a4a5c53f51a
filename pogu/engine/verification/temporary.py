"""Passing files that should have passed: uploads, and half-written records of running containers."""

from __future__ import annotations

import asyncio
import shutil
from functools import partial
from pathlib import Path

from pogu.engine.images.loading import in_use
from pogu.engine.verification.problem import Problem
from pogu.engine.verification.scene import Scene


async def check(scene: Scene) -> None:
    """Find directories of uploads that nobody reads."""
    spool = scene.rooms.images.spool
    for path in await asyncio.to_thread(_children, spool):
        if path not in in_use:
            scene.found(
                Problem(
                    "temporary",
                    str(path),
                    f"{path} is left of an upload that has ended",
                    "",
                    partial(asyncio.to_thread, shutil.rmtree, path),
                    "it was deleted",
                )
            )


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
