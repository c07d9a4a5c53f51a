"""The fallback for connections that the firewall does not translate."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from pogu.engine.networks.forwarder import Forwarder

pytestmark = pytest.mark.usefixtures("own_network")


@pytest_asyncio.fixture
async def target() -> AsyncIterator[tuple[str, int]]:
    """A server that answers what it got, in capitals, when the client has said all."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read()
        writer.write(data.upper())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[:2]
    server.close()
    await server.wait_closed()


@pytest.fixture
def listener() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    sock.setblocking(False)
    return sock


async def talk(listener: socket.socket, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def test_both_directions_and_their_ends(listener: socket.socket, target: tuple[str, int]) -> None:
    forwarder = Forwarder(listener)
    forwarder.aim(target)
    with listener:
        large = b"x" * 3_000_000
        assert await asyncio.gather(talk(listener, b"abc"), talk(listener, large)) == [b"ABC", large.upper()]
        forwarder.close()


async def test_without_a_target_or_with_a_dead_one_the_client_is_let_go(listener: socket.socket) -> None:
    forwarder = Forwarder(listener)
    with listener:
        for aim in (None, ("127.0.0.1", 1)):
            forwarder.aim(aim)
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            try:
                assert await reader.read() == b""
            except ConnectionResetError:
                pass
            writer.close()
        forwarder.close()


async def test_closing_drops_what_is_under_way(listener: socket.socket, target: tuple[str, int]) -> None:
    forwarder = Forwarder(listener)
    forwarder.aim(target)
    with listener:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"abc")
        await asyncio.sleep(0.05)
        forwarder.close()
        async with asyncio.timeout(5):
            try:
                assert await reader.read() == b""
            except ConnectionResetError:
                pass
        writer.close()
