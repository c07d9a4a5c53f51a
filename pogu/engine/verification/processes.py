"""Processes: what the records call running against what runs, and supervisors and runtime files of nobody."""

from __future__ import annotations

import asyncio
import shutil
from functools import partial
from pathlib import Path

from pogu.engine.runtime import spares
from pogu.engine.runtime.bundle import Bundle, start_time, supervisors
from pogu.engine.runtime.execs import under_way
from pogu.engine.verification.problem import Problem
from pogu.engine.verification.scene import Scene


async def check(scene: Scene) -> None:
    """Find dead processes that are called running, and conmons, bundles and runtime states without a container."""
    rooms = scene.rooms
    bundles = rooms.config.run / "runtime"
    found = await asyncio.to_thread(supervisors, bundles)
    for id_, entry in scene.live.items():
        scene.checked["processes"] += 1
        name, pid = entry.record.name, entry.record.state.pid
        record = Bundle(bundles / id_).record()
        if record is None or record.init[0] != pid or start_time(pid) != record.init[1]:
            scene.found(Problem("process", id_, f"container {name} is called running, but process {pid} is not", id_))
        elif id_ not in found:
            scene.found(Problem("process", id_, f"container {name} runs without its supervisor", id_))
    for id_, pid in found.items():
        if not scene.may_run(id_):
            text = f"the supervisor {pid} runs container {id_}, which no record calls running"
            scene.found(_removable(scene, "process", id_, text))
    for id_ in await asyncio.to_thread(_names, bundles):
        if not scene.may_run(id_) and id_ not in found:
            scene.found(_removable(scene, "bundle", id_, f"the runtime files of {id_} belong to no running container"))
    await _check_states(scene)
    await _check_execs(scene, bundles)


async def _check_states(scene: Scene) -> None:
    for runtime in ("crun", "runc"):
        folder = scene.rooms.config.run / runtime
        for id_ in await asyncio.to_thread(_names, folder):
            if not id_.startswith((".", spares.PREFIX)) and not scene.may_run(id_):
                scene.found(
                    Problem(
                        "bundle",
                        f"{runtime}/{id_}",
                        f"{runtime} keeps state for {id_}, which no record calls running",
                        id_,
                        partial(asyncio.to_thread, shutil.rmtree, folder / id_),
                        "the state was deleted",
                    )
                )


async def _check_execs(scene: Scene, bundles: Path) -> None:
    for id_ in scene.live:
        for path in await asyncio.to_thread(_execs, bundles / id_):
            if path not in under_way:
                scene.found(
                    Problem(
                        "exec",
                        path.name,
                        f"the files of an exec in container {id_} were left behind",
                        "",
                        partial(asyncio.to_thread, shutil.rmtree, path),
                        "they were deleted",
                    )
                )


def _removable(scene: Scene, kind: str, id_: str, text: str) -> Problem:
    remedy = "it was ended, and its runtime files deleted"
    return Problem(kind, id_, text, id_, partial(scene.rooms.supervisor.delete, id_), remedy)


def _execs(bundle: Path) -> list[Path]:
    return sorted(bundle.glob("exec-*"))


def _names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
