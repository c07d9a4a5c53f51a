"""Supervisors that are started ahead: used where they suit, replaced, and gone when nobody wants them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from pogu.engine.runtime import ConmonSupervisor, spares
from pogu.engine.runtime.bundle import find_conmon
from pogu.errors import CommandNotFound
from tests.engine.runtime.ground import Ground, output, until


@pytest.fixture
async def ground(ground: Ground) -> Ground:
    ground.config.spare_supervisors = 1
    await ground.restart_daemon()
    return ground


def waiting(ground: Ground) -> list[int]:
    """Return the PIDs of the spare conmons."""
    folder = ground.config.run / "spares"
    return [pid for path in folder.iterdir() if (pid := find_conmon(path))] if folder.exists() else []


def supervisor_of(ground: Ground, id: str) -> int | None:
    return find_conmon(ground.config.run / "runtime" / id)


def left(ground: Ground) -> list[str]:
    """Return what is there of spares in the file system."""
    places = (ground.config.run / "spares", ground.config.root / "spools", ground.config.run / "crun")
    return [str(path) for place in places if place.exists() for path in place.iterdir()]


async def test_a_spare_becomes_the_next_containers_and_is_replaced(ground: Ground) -> None:
    [spare] = waiting(ground)
    spec = await ground.start("sh", "-c", "echo hello; sleep 60")
    assert supervisor_of(ground, spec.id) == spare
    await until(lambda: output(spec) == "hello\n", "the output")
    await until(lambda: waiting(ground), "another spare")
    assert waiting(ground) != [spare]
    await ground.supervisor.delete(spec.id)
    assert (await ground.run("true"))[0] == 0


@pytest.mark.parametrize("options", [{"terminal": True}, {"stdin": True}])
async def test_a_container_with_a_terminal_or_input_takes_none(ground: Ground, options: dict[str, Any]) -> None:
    [spare] = waiting(ground)
    spec = await ground.start("sleep", "60", **options)
    assert supervisor_of(ground, spec.id) not in (None, spare)
    assert waiting(ground) == [spare]


async def test_a_log_from_before_is_kept(ground: Ground) -> None:
    spec = await ground.start("echo", "one")
    await ground.supervisor.wait(spec.id)
    await ground.supervisor.delete(spec.id)
    await ground.supervisor.prepare()
    again = await ground.start("echo", "two", id=spec.id)
    await ground.supervisor.wait(again.id)
    assert output(spec) == "one\ntwo\n"


async def test_a_program_that_does_not_exist_leaves_nothing(ground: Ground) -> None:
    with pytest.raises(CommandNotFound):
        await ground.start("/no/such")
    assert left(ground) == []


async def test_a_create_that_is_cancelled_leaves_nothing(ground: Ground) -> None:
    spec = ground.launch("sleep", "60")
    creating = asyncio.create_task(ground.supervisor.create(spec))
    await until(lambda: ground.cgroup(spec).pids() or creating.done(), "the container")
    creating.cancel()
    try:
        await creating
    except asyncio.CancelledError:
        pass
    await ground.supervisor.delete(spec.id)
    await until(lambda: not ground.cgroup(spec).pids(), "the end of its processes")
    assert spec.id not in ground.supervisor.listing()


async def test_a_spare_that_was_killed_is_not_used(ground: Ground) -> None:
    [spare] = waiting(ground)
    os.kill(spare, 9)
    assert (await ground.run("echo", "hi"))[1] == "hi\n"


async def test_they_are_given_up_when_no_container_is_started(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spares, "_KEEP", 0.1)
    await ground.run("true")
    await until(lambda: not left(ground), "the end of the spares")


async def test_a_container_that_has_ended_leaves_no_way_to_its_log(ground: Ground) -> None:
    spec = await ground.start("true")
    [way] = [p for p in (ground.config.root / "spools").iterdir() if p.is_symlink()]
    assert way.readlink() == spec.log_path.parent
    await ground.supervisor.wait(spec.id)
    await ground.supervisor.delete(spec.id)
    assert not way.is_symlink()


async def test_those_of_a_killed_daemon_are_cleared_away_and_its_containers_ways_kept(ground: Ground) -> None:
    spec = await ground.start("sleep", "60")
    await ground.supervisor.prepare()
    [spare] = waiting(ground)
    other = ConmonSupervisor(ground.config)  # as after kill -9: nothing was closed
    try:
        await until(lambda: _ended(spare), "the end of the spare")
        assert [p.readlink() for p in (ground.config.root / "spools").iterdir()] == [spec.log_path.parent]
        assert await other.adopt(spec.id, spec.persist_dir)
        spec.log_path.rename(spec.log_path.with_suffix(".1"))
        await other.rotate(spec.id)
        assert spec.log_path.exists()
    finally:
        await other.close()


def _ended(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(") ")[2][0] == "Z"
