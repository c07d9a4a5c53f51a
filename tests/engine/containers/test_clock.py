"""The clock is set back an hour while containers run: intervals go on, nothing is lost.

The clock is the one that the daemon's process asks (`time.time_ns` and `time.time`): the host's own cannot be set
without harm to everybody else on it.
"""

from __future__ import annotations

import time

import pytest

from pogu.engine.model import HealthConfig, HostConfig, RestartPolicy
from tests.engine.containers.conftest import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = 3600 * 10**9


def _set_back(monkeypatch: pytest.MonkeyPatch, nanoseconds: int) -> None:
    real_ns, real = time.time_ns, time.time
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() - nanoseconds)
    monkeypatch.setattr(time, "time", lambda: real() - nanoseconds / 1e9)


def _health(bench: Bench, ref: str) -> str:
    health = bench.containers.get(ref).state.health
    return health.status if health else ""


async def test_the_clock_is_set_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    check = HealthConfig(test=["CMD", "false"], interval=100_000_000, start_period=1_000_000, retries=2)
    sick = await bench.start("sleep", "60", name="sick", healthcheck=check)
    ends = await bench.start("sh", "-c", "sleep 1; echo last; exit 7", name="ends")
    policy = RestartPolicy(name="on-failure", maximum_retry_count=2)
    fails = await bench.start("sh", "-c", "sleep 0.5; exit 3", name="fails", host=HostConfig(restart_policy=policy))
    _set_back(monkeypatch, HOUR)
    assert (await bench.exit_of(ends)).code == 7
    assert b"last" in bench.spool(ends)
    await bench.until(lambda: bench.containers.get(fails).state.status == "exited")
    assert bench.containers.get(fails).restart_count == 2
    # its start period was over, and does not begin again because the clock says that it has not started yet
    await bench.until(lambda: _health(bench, sick) == "unhealthy")
    died = [e for e in bench.events if e.action == "die"]
    assert all(int(e.attributes["execDuration"]) in range(60) for e in died)
    stamps = [e.time_ns for e in bench.events]
    assert stamps == sorted(stamps)
    later = await bench.start("true", name="later")
    assert (await bench.exit_of(later)).code == 0
    await bench.containers.stop("sick", timeout=0)
    assert bench.containers.get("sick").state.status == "exited"
