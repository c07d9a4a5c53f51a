"""Engines in a network namespace of their own: nothing on the real host is touched or seen."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from pogu.engine.config import EngineConfig
from pogu.engine.events import EventBus
from pogu.engine.networks import Networks
from pogu.engine.state import StateStore
from pogu.linux import namespaces
from tests.private_network import private_network


@pytest.fixture
def own_network() -> Iterator[None]:
    """Run the test in a network namespace of its own."""
    with private_network():
        yield


@dataclass
class Engine:
    """The networks of one engine and what they stand on."""

    config: EngineConfig
    state: StateStore
    events: EventBus
    networks: Networks

    async def crash(self) -> None:
        """Leave everything as `kill -9` would: nothing is said to the kernel."""
        await self.networks.stop(dismantle=False)
        self.state.close()


StartEngine = Callable[..., Awaitable[Engine]]


@pytest_asyncio.fixture
async def start_engine(own_network: None, tmp_path: Path) -> AsyncIterator[StartEngine]:
    """Start engines, by name; the same name again is the same engine after a restart (`reconcile` is the test's)."""
    started: list[Engine] = []

    async def start(name: str = "pg", **settings: object) -> Engine:
        config = EngineConfig(
            root=tmp_path / name / "root", run=tmp_path / name / "run", bridge=f"{name}0", table=f"t{name}"
        )
        config = replace(config, **settings)  # type: ignore[arg-type]
        state, events = StateStore(config.root / "state.db"), EventBus()
        engine = Engine(config, state, events, Networks(config, state, events))
        started.append(engine)
        await engine.networks.start()
        return engine

    try:
        yield start
        for engine in started:
            await engine.networks.stop(dismantle=False)
            engine.state.close()
    finally:
        for path in tmp_path.glob("*/run/netns/*"):
            with contextlib.suppress(OSError):
                namespaces.remove(path)


@pytest_asyncio.fixture
async def engine(start_engine: StartEngine) -> Engine:
    """One engine, ready."""
    started = await start_engine()
    await started.networks.reconcile({})
    return started
