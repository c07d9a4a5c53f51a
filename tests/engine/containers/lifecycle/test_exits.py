"""Exits, restart policies and --rm."""

from __future__ import annotations

import asyncio

import pytest

from pogu.engine.model import HostConfig, RestartPolicy
from pogu.engine.state import Change
from pogu.errors import NotFound
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


def policy(name: str, count: int = 0) -> HostConfig:
    return HostConfig(restart_policy=RestartPolicy(name=name, maximum_retry_count=count))


async def test_on_failure_stops_at_its_count(bench: Bench) -> None:
    id_ = await bench.start("sh", "-c", "exit 4", host=policy("on-failure", 2))
    await bench.until(lambda: bench.actions(id_).count("die") == 3)
    await bench.until(lambda: not bench.containers.get(id_).state.running)
    record = bench.containers.get(id_)
    assert (record.restart_count, record.state.exit_code, record.state.status) == (2, 4, "exited")


async def test_on_failure_leaves_success_alone(bench: Bench) -> None:
    id_ = await bench.start("true", host=policy("on-failure"))
    assert (await bench.exit_of(id_)).code == 0
    await asyncio.sleep(0.3)
    assert bench.actions(id_).count("start") == 1


async def test_always_restarts_success_too(bench: Bench) -> None:
    id_ = await bench.start("true", host=policy("always"))
    await bench.until(lambda: bench.actions(id_).count("start") == 3)
    await bench.containers.remove(id_, force=True)
    with pytest.raises(NotFound):
        bench.containers.get(id_)


async def test_killed_by_hand_is_not_restarted(bench: Bench) -> None:
    id_ = await bench.start(*LONG, host=policy("unless-stopped"))
    await bench.containers.kill(id_)
    await asyncio.sleep(0.3)
    assert bench.containers.get(id_).state.status == "exited"


async def test_a_crash_is_restarted(bench: Bench) -> None:
    import os
    import signal

    id_ = await bench.start(*LONG, host=policy("unless-stopped"))
    pid = bench.containers.get(id_).state.pid
    os.kill(pid, signal.SIGKILL)
    await bench.until(lambda: bench.actions(id_).count("start") == 2)
    assert bench.containers.get(id_).state.pid not in (0, pid)
    assert bench.containers.get(id_).restart_count == 1


async def test_the_delay_doubles(bench: Bench) -> None:
    id_ = await bench.start("false", host=policy("always"))
    await bench.until(lambda: bench.actions(id_).count("start") == 4)
    times = [e.time_ns for e in bench.events if e.action in ("die", "start") and e.actor_id == id_]
    pauses = [(times[i + 1] - times[i]) / 1e9 for i in range(1, 6, 2)]
    assert pauses[0] >= 0.1
    assert pauses[1] >= 0.2
    assert pauses[2] >= 0.4


async def test_rm_removes_it_with_its_anonymous_volumes(bench: Bench) -> None:
    before = {v.name for v in bench.engine.volumes.list()}
    id_ = await bench.create("true", host=HostConfig(auto_remove=True, binds=["/data", "kept:/kept"]))
    removed = bench.containers.wait_handle(id_, "removed")
    await bench.containers.start(id_)
    assert (await removed).code == 0
    with pytest.raises(NotFound):
        bench.containers.get(id_)
    assert {v.name for v in bench.engine.volumes.list()} - before == {"kept"}
    await bench.engine.volumes.remove("kept")


async def test_rm_with_every_kernel_object(bench: Bench) -> None:
    id_ = await bench.create("true", name="brief", host=HostConfig(auto_remove=True))
    removed = bench.containers.wait_handle(id_, "removed")
    await bench.containers.start(id_)
    await removed
    await bench.create("true", name="brief")  # the name is free at once
    for directory in ("rootfs", "netns", "runtime"):
        path = bench.config.run / directory / id_
        await bench.until(lambda p=path: not p.exists())  # type: ignore[misc]
    await bench.until(lambda: not (bench.config.root / "containers" / id_).exists())
    assert id_ not in bench.engine.storage.containers()


async def test_an_out_of_memory_kill_is_told(bench: Bench) -> None:
    eater = "x=a; while :; do x=$x$x; done"
    id_ = await bench.start("sh", "-c", eater, host=HostConfig(memory=8 << 20, memory_swap=8 << 20))
    result = await bench.exit_of(id_)
    assert result.code == 137
    assert bench.containers.get(id_).state.oom_killed
    assert "oom" in bench.actions(id_)


async def test_an_out_of_memory_kill_is_told_after_the_start_however_early_it_came(bench: Bench) -> None:
    """The kernel's word may be there before the start is on the disk; the supervisor hands it on as it comes."""
    commit = bench.engine.state.commit
    id_ = await bench.create(*LONG)

    async def kill_meanwhile(*changes: Change) -> None:
        assert bench.engine.supervisor.on_oom
        bench.engine.supervisor.on_oom(id_)
        await commit(*changes)

    bench.engine.state.commit = kill_meanwhile  # type: ignore[method-assign] # the kernel kills one just then
    try:
        await bench.containers.start(id_)
    finally:
        bench.engine.state.commit = commit  # type: ignore[method-assign]
    await bench.until(lambda: "oom" in bench.actions(id_))
    assert bench.actions(id_) == ["create", "start", "oom"]
    assert bench.containers.get(id_).state.oom_killed


async def test_an_out_of_memory_kill_of_a_child_is_told_too(bench: Bench) -> None:
    script = "sh -c 'x=a; while :; do x=$x$x; done'; echo survived; sleep 100"
    id_ = await bench.start("sh", "-c", script, host=HostConfig(memory=8 << 20, memory_swap=8 << 20))
    await bench.until(lambda: b"survived" in bench.spool(id_))
    await bench.until(lambda: "oom" in bench.actions(id_))
    assert bench.containers.get(id_).state.running
    await bench.containers.kill(id_)
    await bench.until(lambda: "die" in bench.actions(id_))
    assert bench.actions(id_).count("oom") == 1
