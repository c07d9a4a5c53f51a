"""Healthchecks."""

from __future__ import annotations

import pytest

from pogu.engine.containers.health import command
from pogu.engine.model import Container, ContainerConfig, HealthConfig, HealthLog, HostConfig
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

MS = 1_000_000


def check(text: str, **options: int) -> HealthConfig:
    return HealthConfig(test=["CMD-SHELL", text], interval=options.pop("interval", 20 * MS), **options)


def health_log(bench: Bench, ref: str) -> list[HealthLog]:
    health = bench.containers.get(ref).state.health
    return health.log if health else []


async def test_healthy_then_unhealthy_then_healthy(bench: Bench) -> None:
    id_ = await bench.start(*LONG, healthcheck=check("test ! -e /sick && echo fine", retries=2))
    assert bench.containers.get(id_).state.health is not None
    assert bench.containers.get(id_).state.health.status == "starting"  # type: ignore[union-attr]
    await bench.until(lambda: "health_status: healthy" in bench.actions(id_))
    await bench.text(id_, "touch", "/sick")
    await bench.until(lambda: "health_status: unhealthy" in bench.actions(id_))
    await bench.text(id_, "rm", "/sick")
    await bench.until(lambda: bench.actions(id_).count("health_status: healthy") == 2)
    health = bench.containers.get(id_).state.health
    assert health
    assert health.failing_streak == 0
    assert (health.log[-1].exit_code, health.log[-1].output) == (0, "fine\n")
    assert len(health.log) <= 5


async def test_failures_while_it_starts_do_not_count(bench: Bench) -> None:
    id_ = await bench.start(
        *LONG, healthcheck=check("exit 1", retries=1, start_period=60_000 * MS, start_interval=10 * MS)
    )
    await bench.until(lambda: len(health_log(bench, id_)) >= 4)
    health = bench.containers.get(id_).state.health
    assert health
    assert (health.status, health.failing_streak) == ("starting", 0)


async def test_a_probe_that_takes_too_long_is_killed(bench: Bench) -> None:
    id_ = await bench.start(*LONG, healthcheck=check("echo slow; exec sleep 77", retries=1, timeout=100 * MS))
    await bench.until(lambda: "health_status: unhealthy" in bench.actions(id_))
    health = bench.containers.get(id_).state.health
    assert health
    assert health.log[0].exit_code == -1
    assert health.log[0].output == "Health check exceeded timeout (100ms): slow\n"
    await bench.until(lambda: len(health_log(bench, id_)) == 5)
    assert (await bench.text(id_, "ps")).count("sleep 77") <= 1  # the present probe's


async def test_output_is_cut(bench: Bench) -> None:
    id_ = await bench.start(*LONG, healthcheck=check("yes | head -c 9000"))
    await bench.until(lambda: "health_status: healthy" in bench.actions(id_))
    health = bench.containers.get(id_).state.health
    assert health
    assert health.log[0].output == "y\n" * 2048 + "..."


async def test_probing_ends_with_the_container(bench: Bench) -> None:
    id_ = await bench.start(*LONG, healthcheck=check("true"))
    await bench.until(lambda: "health_status: healthy" in bench.actions(id_))
    await bench.containers.stop(id_)
    assert bench.containers._rooms.table.find(id_).health is None


@pytest.mark.parametrize(
    ("test", "argv"),
    [
        (["CMD", "a", "b"], ["a", "b"]),
        (["CMD-SHELL", "a b"], ["/bin/sh", "-c", "a b"]),
        (["NONE"], []),
        ([], []),
        (None, []),
        (["CMD"], []),
        (["WHAT", "x"], []),
    ],
)
async def test_commands(test: list[str] | None, argv: list[str]) -> None:
    config = ContainerConfig(healthcheck=HealthConfig(test=test))
    record = Container(
        id="x", name="x", created="2026-01-01T00:00:00Z", image_id="", config=config, host_config=HostConfig()
    )
    assert command(record) == argv
