"""Mounts below the engine's directories: of running containers, of volumes in use, of nobody."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from pogu.engine.containers.lifecycle.sandbox import has_sandbox
from pogu.engine.verification.problem import Problem
from pogu.engine.verification.scene import Scene
from pogu.linux.mounts import MNT_DETACH, mounted, unmount

_PLACES = {"rootfs": "root file system", "netns": "network namespace", "shm": "shared memory", "subpaths": "part"}


async def check(scene: Scene) -> None:
    """Find mounts that running containers lack, and mounts that belong to nobody."""
    config = scene.rooms.config
    targets = await asyncio.to_thread(_below, config.run, config.root)
    roots = scene.rooms.roots.used()
    for target in sorted(targets, key=len, reverse=True):
        _check_one(scene, Path(target), roots)
    for id_, entry in scene.live.items():
        name = entry.record.name
        if str(config.run / "rootfs" / id_) not in targets:
            text = f"the root file system of running container {name} is not mounted: restart it"
            scene.found(Problem("mount", id_, text, id_))
        if has_sandbox(entry.record) and str(config.run / "netns" / id_) not in targets:
            text = f"the network namespace of running container {name} is not mounted: restart it"
            scene.found(Problem("namespace", id_, text, id_))


def _check_one(scene: Scene, target: Path, roots: set[str]) -> None:
    run = scene.rooms.config.run
    if target.parent.parent != run or target.parent.name not in _PLACES:
        return
    scene.checked["mounts"] += 1
    place, name = target.parent.name, target.name
    owner = name.partition("-")[0]
    if scene.may_run(owner) or (place == "rootfs" and name in roots):
        return
    kind = "namespace" if place == "netns" else "mount"
    text = f"the {_PLACES[place]} mounted at {target} belongs to no running container"
    scene.found(Problem(kind, str(target), text, owner, partial(_remove, target), "it was unmounted"))


def _below(*directories: Path) -> set[str]:
    prefixes = tuple(f"{d}/" for d in directories)
    return {e.target for e in mounted() if e.target.startswith(prefixes)}


async def _remove(target: Path) -> None:
    def work() -> None:
        unmount(target, MNT_DETACH)
        if target.is_dir():
            target.rmdir()
        else:
            target.unlink(missing_ok=True)

    await asyncio.to_thread(work)
