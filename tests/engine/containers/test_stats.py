"""`stats`."""

from __future__ import annotations

import pytest

from pogu.engine.model import HostConfig
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_one_sample_has_what_docker_has(bench: Bench) -> None:
    id_ = await bench.start(
        "sh", "-c", "while :; do :; done", name="busy", host=HostConfig(memory=64 << 20, pids_limit=50)
    )
    sample = await anext(bench.containers.stats(id_, stream=False))
    assert (sample["name"], sample["id"]) == ("/busy", id_)
    used = sample["cpu_stats"]["cpu_usage"]["total_usage"] - sample["precpu_stats"]["cpu_usage"]["total_usage"]
    passed = sample["cpu_stats"]["system_cpu_usage"] - sample["precpu_stats"]["system_cpu_usage"]
    assert used > 0
    assert passed > 0  # in ticks, which an emulated machine loses; so it may be the smaller one
    assert sample["cpu_stats"]["online_cpus"] >= 1
    assert sample["memory_stats"]["limit"] == 64 << 20
    assert 0 < sample["memory_stats"]["usage"] < 64 << 20
    assert sample["pids_stats"] == {"current": 1, "limit": 50}
    assert set(sample["networks"]) == {"eth0"}
    assert sample["read"] > sample["preread"] > "2020"


async def test_one_shot_has_nothing_before(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    sample = await anext(bench.containers.stats(id_, stream=False, one_shot=True))
    assert sample["preread"].startswith("0001")
    assert sample["precpu_stats"]["cpu_usage"]["total_usage"] == 0


async def test_a_stopped_container_gives_zeros(bench: Bench) -> None:
    id_ = await bench.create("true")
    sample = await anext(bench.containers.stats(id_, stream=False))
    assert sample["read"].startswith("0001")
    assert sample["memory_stats"] == {}


async def test_a_stream_ends_with_the_container_removed(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    samples = bench.containers.stats(id_)
    await anext(samples)
    await bench.containers.remove(id_, force=True)
    assert [s async for s in samples] == []
