"""The daemon is killed at any moment: containers, their exit codes and their clean-up survive it."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pogu.linux.cgroups import Cgroup
from tests.engine.runtime.ground import Ground, output

PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.engine.runtime.ground import Ground

async def main(rootfs, base, runtime, parent):
    ground = Ground(Path(rootfs), Path(base), runtime)
    ground.config.cgroup_parent = parent
    async def one(number):
        while True:
            spec = ground.launch("sh", "-c", f"echo {number}; sleep 0.{number}; exit {number}")
            print("create", spec.id, number, flush=True)
            await ground.supervisor.create(spec)
            await ground.supervisor.start(spec.id)
            print("started", spec.id, number, flush=True)
            end = await ground.supervisor.wait(spec.id)
            print("ended", spec.id, end.code, flush=True)
            if number % 2:
                await ground.supervisor.delete(spec.id)
                print("deleted", spec.id, number, flush=True)
    await asyncio.gather(*(one(n) for n in range(1, 6)))

asyncio.run(main(*sys.argv[1:]))
"""


class Told:
    """What the killed daemon had acknowledged, by container."""

    def __init__(self, text: str) -> None:
        self.last: dict[str, str] = {}
        self.number: dict[str, int] = {}
        for line in text.splitlines():
            if len(words := line.split()) == 3:
                self.last[words[1]], self.number[words[1]] = words[0], int(words[2])


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("runtime", ["crun", "runc"])
async def test_nothing_is_lost_when_the_daemon_is_killed(
    ground: Ground, runtime: str, soak: Callable[[float, float], float]
) -> None:
    for _ in range(int(soak(2, 100))):
        told = await asyncio.to_thread(_run_and_kill, ground, runtime)
        await ground.restart_daemon()
        await _check(ground, told)


def _run_and_kill(ground: Ground, runtime: str) -> Told:
    argv = [sys.executable, "-c", PROGRAM, ground.rootfs, ground.base, runtime, ground.config.cgroup_parent]
    log = ground.base / "told"
    with log.open("w") as out:
        process = subprocess.Popen([str(a) for a in argv], stdout=out, cwd=Path(__file__).parents[3])
    while "started" not in log.read_text():
        time.sleep(0.01)
    time.sleep(random.random() * 0.6)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return Told(log.read_text())


async def _check(ground: Ground, told: Told) -> None:
    supervisor = ground.supervisor
    known = set(supervisor.listing())
    for id, last in told.last.items():
        if last == "deleted":
            assert id not in known
            continue
        spec = ground.launch("true", id=id)
        await supervisor.adopt(id, spec.persist_dir)
        async with asyncio.timeout(20):
            end = await supervisor.wait(id)
        if last == "create":  # never acknowledged as started: it may have run or not
            # 1: runc's waiting process gives up when who lets it go dies half-way
            assert end.code in (None, told.number[id], 137, 1), json.dumps([last, id, end.code])
        else:
            assert end.code == told.number[id], json.dumps([last, id, end.code])
            assert output(spec) == f"{told.number[id]}\n"
        await supervisor.delete(id)
    assert supervisor.listing() == []
    group = Cgroup(ground.config.cgroup_parent)
    assert group.pids() == []
    assert all(not any(p.is_dir() for p in d.iterdir()) for d in group.directories() if d.exists())
    assert not _processes_of(ground.base)


def _processes_of(base: Path) -> list[str]:
    """Return the command lines that name the directory: a conmon or a runtime left behind."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(base) in line:
                found.append(line.replace(b"\0", b" ").decode())
    return found
