"""The event bus: order, filters, replay."""

from __future__ import annotations

import asyncio
import time

import pytest

from pogu.engine.events import Event, EventBus, EventFilter


async def _take(bus: EventBus, terms: dict[str, list[str]], since: int | None, until: int | None) -> list[str]:
    return [f"{e.type}:{e.action}" async for e in bus.subscribe(EventFilter(terms), since, until)]


async def test_replay_then_live_without_a_gap() -> None:
    bus = EventBus()
    bus.publish("container", "create", "c1")
    until = time.time_ns() + 300_000_000
    taking = asyncio.create_task(_take(bus, {}, 0, until))
    await asyncio.sleep(0.05)
    assert bus.listeners == 1
    bus.publish("container", "start", "c1")
    assert await taking == ["container:create", "container:start"]
    assert bus.listeners == 0


async def test_without_since_the_past_is_not_shown() -> None:
    bus = EventBus()
    bus.publish("container", "create", "c1")
    assert await _take(bus, {}, None, time.time_ns() + 20_000_000) == []


async def test_times_rise_even_within_one_clock_tick() -> None:
    bus = EventBus()
    times = [bus.publish("x", "y", "z").time_ns for _ in range(1000)]
    assert times == sorted(set(times))


async def test_a_reader_that_stalls_loses_its_oldest_and_blocks_nobody() -> None:
    bus = EventBus()
    stream = bus.subscribe(EventFilter(), None, None)
    first = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    for i in range(10_000):
        bus.publish("x", str(i), "z")
    await first
    assert int((await anext(stream)).action) > 5000
    await stream.aclose()


EVENT = Event("container", "health_status: healthy", "abcdef", {"name": "web", "image": "nginx:1", "tier": "front"})


@pytest.mark.parametrize(
    ("terms", "matches"),
    [
        ({}, True),
        ({"type": ["container", "image"]}, True),
        ({"type": ["image"]}, False),
        ({"event": ["health_status"]}, True),
        ({"event": ["health"]}, False),
        ({"container": ["web"]}, True),
        ({"container": ["abc"]}, True),
        ({"container": ["other"]}, False),
        ({"network": ["web"]}, False),
        ({"image": ["nginx"]}, True),
        ({"image": ["nginx:1"]}, True),
        ({"image": ["ngi"]}, False),
        ({"label": ["tier"]}, True),
        ({"label": ["tier=front"]}, True),
        ({"label": ["tier=back"]}, False),
        ({"label": ["tier", "zone"]}, False),
        ({"type": ["container"], "container": ["other"]}, False),
        ({"scope": ["swarm"]}, False),
    ],
)
def test_filters(terms: dict[str, list[str]], matches: bool) -> None:
    assert EventFilter(terms).matches(EVENT) is matches
