"""The conditions of wait."""

from __future__ import annotations

import asyncio

import pytest

from pogu.errors import InvalidArgument, NotFound
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_not_running_is_fulfilled_by_what_does_not_run(bench: Bench) -> None:
    id_ = await bench.create("true")
    assert (await bench.containers.wait(id_)).code == 0
    assert (await bench.finish(id_)).code == 0
    assert (await bench.containers.wait(id_, "not-running")).code == 0


async def test_next_exit_waits_for_one_that_is_to_come(bench: Bench) -> None:
    id_ = await bench.create("sh", "-c", "exit 6")
    handle = bench.containers.wait_handle(id_, "next-exit")
    await asyncio.sleep(0)
    assert not handle.done()
    await bench.containers.start(id_)
    assert (await handle).code == 6


async def test_removed_has_the_last_exit_code(bench: Bench) -> None:
    id_ = await bench.create("sh", "-c", "exit 6")
    handle = bench.containers.wait_handle(id_, "removed")
    await bench.finish(id_)
    assert not handle.done()
    await bench.containers.remove(id_)
    assert (await handle).code == 6


async def test_many_wait_and_one_gives_up(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    handles = [bench.containers.wait_handle(id_) for _ in range(5)]
    handles[0].cancel()
    await bench.containers.stop(id_)
    assert [(await h).code for h in handles[1:]] == [5] * 4


async def test_refusals(bench: Bench) -> None:
    with pytest.raises(NotFound, match="No such container: nosuch"):
        bench.containers.wait_handle("nosuch")
    with pytest.raises(InvalidArgument, match='invalid condition: "x"'):
        bench.containers.wait_handle(await bench.create("true"), "x")
