"""Stop and kill."""

from __future__ import annotations

import asyncio

import pytest

from pogu.engine.model import HostConfig, RestartPolicy
from pogu.errors import Conflict, InvalidArgument, NotModified
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEAF = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"]


async def test_stop_sends_the_stop_signal(bench: Bench) -> None:
    id_ = await bench.start(
        "sh", "-c", "trap 'exit 9' USR1; echo set; while :; do sleep 0.1; done", stop_signal="SIGUSR1"
    )
    await bench.until(lambda: b"set" in bench.spool(id_))
    await bench.containers.stop(id_)
    assert bench.containers.get(id_).state.exit_code == 9
    assert bench.actions(id_) == ["create", "start", "kill", "die", "stop"]
    assert next(e for e in bench.events if e.action == "kill").attributes["signal"] == "10"


async def test_stop_kills_after_the_timeout(bench: Bench) -> None:
    id_ = await bench.start(*DEAF)
    await bench.until(lambda: b"deaf" in bench.spool(id_))
    await bench.containers.stop(id_, timeout=1)
    assert bench.containers.get(id_).state.exit_code == 137
    assert [e.attributes["signal"] for e in bench.events if e.action == "kill"] == ["15", "9"]


async def test_the_containers_own_timeout(bench: Bench) -> None:
    id_ = await bench.start(*DEAF, stop_timeout=0)
    await bench.containers.stop(id_)
    assert bench.containers.get(id_).state.exit_code == 137


async def test_stop_of_a_stopped_container_is_not_modified(bench: Bench) -> None:
    id_ = await bench.create("true")
    with pytest.raises(NotModified):
        await bench.containers.stop(id_)


async def test_stop_of_a_paused_container_ends_it(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    await bench.containers.pause(id_)
    await bench.containers.stop(id_, timeout=5)
    assert bench.containers.get(id_).state.exit_code == 5
    assert not bench.containers.get(id_).state.paused


async def test_kill_waits_for_the_end(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    await bench.containers.kill(id_)
    state = bench.containers.get(id_).state
    assert (state.status, state.exit_code) == ("exited", 137)


async def test_kill_with_another_signal(bench: Bench) -> None:
    id_ = await bench.start("sh", "-c", "trap 'echo got' HUP; echo set; while :; do sleep 0.05; done")
    await bench.until(lambda: b"set" in bench.spool(id_))
    await bench.containers.kill(id_, "HUP")
    await bench.until(lambda: bench.spool(id_).endswith(b"got\n"))
    assert bench.containers.get(id_).state.running


async def test_kill_refuses(bench: Bench) -> None:
    id_ = await bench.create("true", name="idle")
    with pytest.raises(Conflict, match=f"^container {id_} is not running$"):
        await bench.containers.kill("idle")
    with pytest.raises(InvalidArgument, match="invalid signal: SIGNOSUCH"):
        await bench.containers.kill("idle", "SIGNOSUCH")


async def test_stop_ends_a_restart_loop(bench: Bench) -> None:
    policy = RestartPolicy(name="always")
    id_ = await bench.start("sh", "-c", "exit 1", host=HostConfig(restart_policy=policy))
    await bench.until(lambda: bench.containers.get(id_).state.restarting)
    await bench.containers.stop(id_)
    state = bench.containers.get(id_).state
    assert (state.status, state.running, state.restarting) == ("exited", False, False)
    await asyncio.sleep(0.5)
    assert not bench.containers.get(id_).state.running


async def test_two_stops_at_once(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    await asyncio.gather(bench.containers.stop(id_), bench.containers.stop(id_))
    assert bench.actions(id_).count("die") == 1


async def test_execd_processes_end_with_the_container(bench: Bench) -> None:
    from pogu.engine.containers import ExecConfig

    id_ = await bench.start(*LONG)
    exec_id = await bench.containers.exec_create(id_, ExecConfig(cmd=["sleep", "100"]))
    await bench.containers.exec_start(exec_id, detach=True)
    await bench.containers.kill(id_)
    await bench.until(lambda: not bench.containers.exec_inspect(exec_id).running)
    assert bench.containers.exec_inspect(exec_id).exit_code == 137
