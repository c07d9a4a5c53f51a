"""Supervision by conmon over crun and runc."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests.engine.runtime.contract import SupervisorContract
from tests.engine.runtime.ground import Ground, output, until


class TestCrun(SupervisorContract):
    runtime_name = "crun"


class TestCrunFromSpares(SupervisorContract):
    runtime_name = "crun"
    spares = 2


class TestRunc(SupervisorContract):
    runtime_name = "runc"


@pytest.mark.skipif(not Path("/run/systemd/system").exists(), reason="systemd is not this host's init")
class TestCrunUnderSystemd(SupervisorContract):
    runtime_name = "crun"
    cgroup_driver = "systemd"


def conmon_of(ground: Ground, id: str) -> int:
    from pogu.engine.runtime.bundle import find_conmon

    found = find_conmon(ground.config.run / "runtime" / id)
    assert found
    return found


async def test_without_its_conmon_a_container_ends_and_its_code_is_unknown(ground: Ground) -> None:
    spec = await ground.start("sleep", "60")
    [pid] = ground.supervisor.pids(spec.id)
    os.kill(conmon_of(ground, spec.id), signal.SIGKILL)
    assert (await ground.supervisor.wait(spec.id)).code is None
    await until(lambda: not Path(f"/proc/{pid}").exists(), "the end of the container")


async def test_a_create_that_a_killed_daemon_left_half_done_is_cleaned_up(ground: Ground) -> None:
    spec = ground.launch("true")
    await ground.supervisor.create(spec)
    conmon = conmon_of(ground, spec.id)
    (ground.config.run / "runtime" / spec.id / "supervised.json").unlink()
    await ground.restart_daemon()
    assert ground.supervisor.listing() == [spec.id]
    await ground.supervisor.delete(spec.id)
    await until(lambda: not Path(f"/proc/{conmon}").exists() or _zombie(conmon), "the end of conmon")
    assert ground.supervisor.listing() == []
    assert not ground.cgroup(spec).exists()


async def test_running_out_of_memory_is_told_while_it_runs(ground: Ground) -> None:
    told: list[str] = []
    ground.supervisor.on_oom = told.append
    spec = await ground.start("sh", "-c", "tail /dev/zero; sleep 60", memory=16 << 20, memory_swap=16 << 20)
    await until(lambda: told, "the news")
    assert told == [spec.id]


async def test_a_long_run_directory_works(ground: Ground, tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    ground.config.run = deep
    await ground.restart_daemon()
    spec = ground.launch("sh", "-c", "read x; echo got $x", terminal=True, stdin=True)
    await ground.supervisor.create(spec)
    stream = await ground.supervisor.attach(spec.id)
    await ground.supervisor.start(spec.id)
    process = await ground.exec(spec, "tty", terminal=True)
    assert await process.wait() == 0
    process.close()
    await stream.write(b"x\n")
    await ground.supervisor.wait(spec.id)
    stream.close()
    assert "got x" in output(spec)
    await ground.clear()


async def test_many_at_once(ground: Ground) -> None:
    async def one() -> int | None:
        code, text = await ground.run("echo", "hi")
        assert text == "hi\n"
        return code

    assert await asyncio.gather(*(one() for _ in range(20))) == [0] * 20
    assert ground.supervisor.listing() == []


def _zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z"
