"""Engines for the tests of containers: in a network namespace of their own, with a busybox image."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from pogu.engine.config import EngineConfig
from pogu.engine.containers import AttachOptions, Containers, WaitResult
from pogu.engine.engine import Engine
from pogu.engine.events import Event, EventFilter
from pogu.engine.model import ContainerConfig, HostConfig
from pogu.linux.cgroups import Cgroup
from tests.private_network import private_network

LONG = ["sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done"]  # ends at once on SIGTERM, with 5


@dataclass
class Finished:
    """How a container ended and what it printed."""

    code: int
    stdout: bytes
    stderr: bytes


@dataclass
class Bench:
    """An engine, and short ways to use it. `restart` and `crash` put a new engine on the same directories."""

    config: EngineConfig
    engine: Engine
    events: list[Event] = field(default_factory=list)
    listener: asyncio.Task[None] | None = None

    @property
    def containers(self) -> Containers:
        return self.engine.containers

    async def create(self, *cmd: str, name: str | None = None, host: HostConfig | None = None, **config: Any) -> str:
        settings = ContainerConfig(image="busybox", cmd=list(cmd) or None, **config)
        return (await self.containers.create(name, settings, host)).id

    async def start(self, *cmd: str, **options: Any) -> str:
        """Create and start a container; LONG is waited for until it minds SIGTERM."""
        id_ = await self.create(*cmd, **options)
        await self.containers.start(id_)
        if list(cmd) == LONG:
            await self.until_ready(id_)
        return id_

    async def until_ready(self, id_: str) -> None:
        """Wait until a container of LONG minds SIGTERM: before that the first process of a namespace ignores it."""
        await self.until(lambda: self.spool(id_).endswith(b"ready\n"))

    def spool(self, id_: str) -> bytes:
        """Return what is in a container's log file."""
        path = self.config.root / "containers" / id_ / "output.log"
        return path.read_bytes() if path.exists() else b""

    async def run(self, *cmd: str, stdin: bytes | None = None, **options: Any) -> Finished:
        """Run a container to its end and remove it."""
        if stdin is not None:
            options |= {"open_stdin": True, "stdin_once": True}
        id_ = await self.create(*cmd, **options)
        try:
            return await self.finish(id_, stdin)
        finally:
            with contextlib.suppress(Exception):
                await self.containers.remove(id_, force=True, volumes=True)

    async def finish(self, id_: str, stdin: bytes | None = None) -> Finished:
        """Start a container with its streams attached, and return how it ended."""
        session = await self.containers.attach(
            id_, AttachOptions(stdin=stdin is not None, stdout=True, stderr=True, stream=True)
        )
        handle = self.containers.wait_handle(id_, "next-exit")
        await self.containers.start(id_)
        if stdin is not None:
            await session.write(stdin)
            await session.close_stdin()
        printed = {1: b"", 2: b""}
        async for stream, data in session.output:
            printed[stream] += data
        await session.close()
        return Finished((await handle).code, printed[1], printed[2])

    async def exit_of(self, ref: str) -> WaitResult:
        return await asyncio.wait_for(self.containers.wait(ref), 20)

    async def text(self, ref: str, *cmd: str) -> str:
        """Run a command in a running container and return what it prints."""
        from pogu.engine.containers import ExecConfig

        id_ = await self.containers.exec_create(ref, ExecConfig(cmd=list(cmd), attach_stdout=True, attach_stderr=True))
        session = await self.containers.exec_start(id_)
        assert session
        out = b"".join([data async for _, data in session.output])
        await session.close()
        return out.decode()

    def actions(self, ref: str = "", kind: str = "container") -> list[str]:
        """Return what happened so far, exec'd processes and healthchecks by their first word."""
        return [e.action for e in self.events if e.type == kind and e.actor_id.startswith(ref)]

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Wait for something that no event tells of."""
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.01)

    async def listen(self) -> None:
        async def read() -> None:
            async for event in self.engine.events.subscribe(EventFilter()):
                self.events.append(event)

        self.listener = asyncio.create_task(read())
        await asyncio.sleep(0)

    async def restart(self) -> None:
        """Stop the engine, leaving containers alone, and start another in its place."""
        if self.listener:
            self.listener.cancel()
        await self.engine.stop()
        await self.begin()

    async def begin(self) -> None:
        self.engine = Engine(self.config)
        self.events = []
        await self.listen()
        await self.engine.start()

    async def clear(self) -> None:
        for container in self.containers.list(all=True):
            with contextlib.suppress(Exception):
                await self.containers.remove(container.id, force=True, volumes=True)


async def open_bench(busybox: Path, **settings: Any) -> Bench:
    home = Path(tempfile.mkdtemp(prefix="pc.", dir="/var/tmp"))
    tag = secrets.token_hex(3)
    config = EngineConfig(
        root=home / "root", run=home / "run", bridge="pgc0", table=f"pgc{tag}", cgroup_parent=f"/pgc{tag}", **settings
    )
    bench = Bench(config, Engine(config))
    await bench.listen()
    await bench.engine.start()

    async def read() -> AsyncIterator[bytes]:
        yield busybox.read_bytes()

    await bench.engine.images.import_(
        read(), "busybox", changes=['CMD ["sh"]', "ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    )
    return bench


async def close_bench(bench: Bench) -> None:
    await bench.clear()
    if bench.listener:
        bench.listener.cancel()
    await bench.engine.stop(stop_containers=True)
    Cgroup(bench.config.cgroup_parent).remove()
    shutil.rmtree(bench.config.root.parent)


@pytest.fixture(scope="module")
def own_network() -> Iterator[None]:
    with private_network():
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_bench(own_network: None, busybox_tar: Path) -> AsyncIterator[Bench]:
    """One engine for all tests of a module that do not restart it."""
    bench = await open_bench(busybox_tar)
    try:
        yield bench
    finally:
        await close_bench(bench)


@pytest_asyncio.fixture(loop_scope="module")
async def bench(shared_bench: Bench) -> AsyncIterator[Bench]:
    """The module's engine, with no container in it and no event seen."""
    shared_bench.events.clear()
    yield shared_bench
    await shared_bench.clear()
