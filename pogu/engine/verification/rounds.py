"""Rounds of looking: a problem is real when it stays while nobody works on what it belongs to.

On a machine at rest one round is all. Where something is found, further rounds follow until nothing is left of it or
it has stayed for several seconds: removals finish after their answers, and interfaces of ended namespaces go when the
kernel has the time.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from pogu.engine.verification import (
    cgroups,
    containers,
    contents,
    images,
    layers,
    mounts,
    networks,
    processes,
    records,
    temporary,
    volumes,
)
from pogu.engine.verification.problem import Problem, Report
from pogu.engine.verification.scene import Scene
from pogu.errors import PoguError

if TYPE_CHECKING:
    from pogu.engine.engine import Engine

STAYS = 2.0  # seconds that a problem must stay
# longer for what ends by itself some time after an answer, when the kernel has the time
_ENDS_LATER = frozenset({"bundle", "cgroup", "exec", "interface", "mount", "namespace", "process"})
_STAYS_LONGER = 6.0
_BETWEEN = 0.4  # seconds from round to round
_CHECKS = (
    records.check,
    containers.check,
    processes.check,
    mounts.check,
    cgroups.check,
    layers.check,
    images.check,
    contents.check,
    volumes.check,
    networks.check,
    temporary.check,
)


async def verify(engine: Engine, *, repair: bool = False, deep: bool = False) -> Report:
    """Compare records, disk and kernel, and return what does not agree.

    `deep` also reads every blob and every file of every layer. With `repair` what is safe to put right is put right,
    and the problem says so; what was repaired may make room for the next, so it goes on until nothing more can be done.

    Raises:
        PoguError: the disk or the kernel cannot be looked at.
    """
    report = await _look(engine, deep)
    done: list[Problem] = []
    while repair and (able := [p for p in report.problems if p.repair]):
        before = {p.identity for p in done}
        able = [p for p in able if p.identity not in before]
        if not able:
            break
        for problem in able:
            await _repair(problem)
        done += able
        report = await _look(engine, deep)
    left = {p.identity for p in report.problems}
    fixed = [p for p in done if p.repaired and p.identity not in left]
    return Report([*fixed, *report.problems], report.checked)


async def _repair(problem: Problem) -> None:
    assert problem.repair
    try:
        await problem.repair()
        problem.repaired = problem.remedy
    except (PoguError, OSError) as e:
        problem.text += f"; the repair failed: {e}"


async def _look(engine: Engine, deep: bool) -> Report:
    scene = await _round(engine, deep)
    candidates = {p.identity: p for p in scene.settled()}
    begun = time.monotonic()
    while any(time.monotonic() - begun < _stays(p) for p in candidates.values()):
        await asyncio.sleep(_BETWEEN)
        scene = await _round(engine, deep)
        again = {p.identity: p for p in scene.settled()}
        candidates = {i: p for i, p in again.items() if i in candidates}
    return Report(sorted(candidates.values(), key=lambda p: p.identity), dict(sorted(scene.checked.items())))


def _stays(problem: Problem) -> float:
    return _STAYS_LONGER if problem.kind in _ENDS_LATER else STAYS


async def _round(engine: Engine, deep: bool) -> Scene:
    scene = Scene(engine, deep)
    for check in _CHECKS:
        await check(scene)
        await asyncio.sleep(0)
    return scene
