"""`container prune`."""

from __future__ import annotations

import asyncio

import pytest

from pogu.errors import Conflict, InvalidArgument
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_all_that_does_not_run(bench: Bench) -> None:
    running = await bench.start(*LONG)
    created = await bench.create("true")
    ended = await bench.create("sh", "-c", "head -c 50000 /dev/zero > /big")
    await bench.finish(ended)
    removed, freed = await bench.containers.prune()
    assert set(removed) == {created, ended}
    assert freed >= 50_000
    assert [c.id for c in bench.containers.list(all=True)] == [running]
    assert bench.events[-1].action == "prune"


async def test_filters(bench: Bench) -> None:
    one = await bench.create("true", labels={"keep": "1"})
    two = await bench.create("true", labels={"drop": "1"})
    assert (await bench.containers.prune({"label!": ["keep"], "until": ["1h"]}))[0] == []
    assert (await bench.containers.prune({"label": ["drop=2"]}))[0] == []
    assert (await bench.containers.prune({"label!": ["keep"]}))[0] == [two]
    assert bench.containers.get(one)
    assert (await bench.containers.prune({"until": ["2999-01-01T00:00:00Z"]}))[0] == [one]


@pytest.mark.parametrize("value", ["soon", "1d", ""])
async def test_bad_times(bench: Bench, value: str) -> None:
    await bench.create("true")
    with pytest.raises(InvalidArgument):
        await bench.containers.prune({"until": [value]})
    with pytest.raises(InvalidArgument, match="more than one until filter specified"):
        await bench.containers.prune({"until": ["1h", "2h"]})
    assert len(bench.containers.list(all=True)) == 1


async def test_one_at_a_time(bench: Bench) -> None:
    for _ in range(5):
        await bench.create("true")
    results = await asyncio.gather(bench.containers.prune(), bench.containers.prune(), return_exceptions=True)
    assert any(isinstance(r, Conflict) for r in results)
