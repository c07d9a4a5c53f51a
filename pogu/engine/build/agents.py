"""The client's SSH agent, as a socket for a container."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from pogu.engine.build.client import BuildClient, Duplex
from pogu.engine.build.steps import RunMount
from pogu.errors import PoguError

_CHUNK = 32 << 10


@asynccontextmanager
async def agent_socket(path: Path, client: BuildClient, id_: str, mount: RunMount) -> AsyncIterator[None]:
    """Listen at `path`, owned as the mount says, and pass each connection on to the client's agent."""
    relays: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        relays.add(task)
        try:
            await _relay(client, id_, reader, writer)
        finally:
            relays.discard(task)
            writer.close()

    server = await asyncio.start_unix_server(connected, path)
    try:
        os.chown(path, mount.uid, mount.gid)
        path.chmod(0o600 if mount.mode is None else mount.mode)
        yield
    finally:
        server.close()
        for task in relays:
            task.cancel()
        path.unlink(missing_ok=True)


async def _relay(client: BuildClient, id_: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        agent = await client.open_agent(id_)
    except PoguError:
        return
    back = asyncio.ensure_future(_receive(agent, writer))
    try:
        with suppress(ConnectionError, PoguError):
            while data := await reader.read(_CHUNK):
                await agent.send(data)
    finally:
        with suppress(ConnectionError, PoguError):
            await agent.close()
        back.cancel()


async def _receive(agent: Duplex, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, PoguError):
        while data := await agent.receive():
            writer.write(data)
            await writer.drain()
    writer.close()
