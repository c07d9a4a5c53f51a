"""Control groups of containers that do not run, and running containers without theirs."""

from __future__ import annotations

import asyncio
from functools import partial

from pogu.engine.runtime.bundle import Bundle
from pogu.engine.verification.problem import Problem
from pogu.engine.verification.scene import Scene
from pogu.linux.cgroups import Cgroup

_ID_LENGTH = 64


async def check(scene: Scene) -> None:
    """Compare the groups below the engine's parent with the running containers."""
    config = scene.rooms.config
    for id_, entry in scene.live.items():
        record = Bundle(config.run / "runtime" / id_).record()
        if record is not None and not Cgroup(record.cgroup).exists():
            scene.found(Problem("cgroup", id_, f"the control group of container {entry.record.name} is gone", id_))
    if config.cgroup_driver == "systemd":
        return  # systemd removes what is empty, and nobody else may
    for name in await asyncio.to_thread(_children, config.cgroup_parent):
        scene.checked["cgroups"] += 1
        if len(name) == _ID_LENGTH and not scene.may_run(name):
            scene.found(
                Problem(
                    "cgroup",
                    f"{config.cgroup_parent}/{name}",
                    f"the control group {config.cgroup_parent}/{name} belongs to no running container",
                    name,
                    partial(asyncio.to_thread, _remove, f"{config.cgroup_parent}/{name}"),
                    "its processes were killed and it was removed",
                )
            )


def _children(parent: str) -> list[str]:
    directories = [d for d in Cgroup(parent).directories() if d.is_dir()]
    return sorted({p.name for d in directories for p in d.iterdir() if p.is_dir()})


def _remove(path: str) -> None:
    group = Cgroup(path)
    group.kill()
    group.remove()
