"""Pause and unpause."""

from __future__ import annotations

import asyncio

import pytest

from pogu.errors import Conflict
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_paused_container_does_nothing_until_it_is_unpaused(bench: Bench) -> None:
    id_ = await bench.start("sh", "-c", "while :; do echo x; sleep 0.01; done")
    await bench.until(lambda: bench.spool(id_) != b"")
    await bench.containers.pause(id_)
    state = bench.containers.get(id_).state
    assert (state.status, state.paused, state.running) == ("paused", True, True)
    await asyncio.sleep(0.05)
    size = len(bench.spool(id_))
    await asyncio.sleep(0.1)
    assert len(bench.spool(id_)) == size
    await bench.containers.unpause(id_)
    await bench.until(lambda: len(bench.spool(id_)) > size)
    assert bench.containers.get(id_).state.status == "running"
    assert bench.actions(id_)[2:] == ["pause", "unpause"]


async def test_refusals(bench: Bench) -> None:
    idle = await bench.create("true")
    with pytest.raises(Conflict, match=f"container {idle} is not running"):
        await bench.containers.pause(idle)
    id_ = await bench.start(*LONG)
    with pytest.raises(Conflict, match=f"Container {id_} is not paused"):
        await bench.containers.unpause(id_)
    await bench.containers.pause(id_)
    with pytest.raises(Conflict, match=f"container {id_} is already paused"):
        await bench.containers.pause(id_)
    with pytest.raises(Conflict, match="cannot start a paused container, try unpause instead"):
        await bench.containers.start(id_)
