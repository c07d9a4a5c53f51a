from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pogu.http import Request, Response, Server
from tests.http.conftest import Certificates, Serve
from tests.http.wire import Wire, request


async def ok(_: Request) -> Response:
    return Response(body=b"OK")


async def test_one_server_on_several_sockets(short_dir: Path, certificates: Certificates) -> None:
    server = Server(ok)
    unix = await server.listen_unix(short_dir / "a.sock")
    tcp = await server.listen_tcp("127.0.0.1", 0)
    tls = await server.listen_tcp("127.0.0.1", 0, ssl=certificates.server)
    assert unix == f"unix://{short_dir}/a.sock" and tcp.startswith("tcp://127.0.0.1:")
    assert server.addresses() == [unix, tcp, tls]
    wires = [
        Wire(*await asyncio.open_unix_connection(short_dir / "a.sock")),
        Wire(*await asyncio.open_connection("127.0.0.1", int(tcp.rpartition(":")[2]))),
        Wire(*await asyncio.open_connection("127.0.0.1", int(tls.rpartition(":")[2]))),
    ]
    await wires[2].start_tls(certificates.client, "localhost")
    for wire in wires:
        await wire.send(request())
        assert (await wire.answer()).body == b"OK"
    await server.close(0)
    assert server.addresses() == [] and not (short_dir / "a.sock").exists()
    for wire in wires:
        wire.close()


async def test_an_inherited_socket(short_dir: Path) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(short_dir / "inherited.sock"))
    listening.listen()
    server = Server(ok)
    assert await server.listen_fd(listening.detach()) == f"unix://{short_dir}/inherited.sock"
    wire = Wire(*await asyncio.open_unix_connection(short_dir / "inherited.sock"))
    await wire.send(request())
    assert (await wire.answer()).body == b"OK"
    wire.close()
    await server.close(0)
    assert (short_dir / "inherited.sock").exists(), "the file belongs to whoever made the socket"


async def test_an_inherited_tcp_socket_with_tls(certificates: Certificates) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(ok)
    address = await server.listen_fd(listening.detach(), ssl=certificates.server)
    wire = Wire(*await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2])))
    await wire.start_tls(certificates.client, "localhost")
    await wire.send(request())
    assert (await wire.answer()).body == b"OK"
    wire.close()
    await server.close(0)


async def test_closing_lets_running_answers_finish(serve: Serve) -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def slow(_: Request) -> Response:
        started.set()
        await release.wait()
        return Response(body=b"done")

    served = await serve(slow)
    idle, busy = await served.connect(), await served.connect()
    await busy.send(request())
    await started.wait()
    closing = asyncio.create_task(served.server.close(20))
    assert await idle.read_all() == b""
    with pytest.raises(OSError):
        await served.connect()
    assert not closing.done()
    release.set()
    answer = await busy.answer()
    assert (answer.body, answer.headers["connection"]) == (b"done", "close")
    assert await busy.read_all() == b""
    busy.close()
    await closing


async def test_closing_breaks_off_what_does_not_end(serve: Serve) -> None:
    ends: list[str] = []
    waiting = asyncio.Event()

    async def forever() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            ends.append("stream")

    async def handler(asked: Request) -> Response | None:
        if asked.path == "/stream":
            return Response(body=forever())
        try:
            if asked.path == "/raw":
                await (await asked.take_over()).read()
            waiting.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            ends.append(asked.path)
        return None

    served = await serve(handler)
    wires = []
    for path in ("/stream", "/raw", "/wait"):
        wires.append(await served.connect())
        await wires[-1].send(request(path))
    await wires[0].read_until(b"first")
    await wires[1].read_until(b"\r\n\r\n")
    await waiting.wait()
    await served.server.close(0.05)
    assert sorted(ends) == ["/raw", "/wait", "stream"]
    assert served.server.connections == 0


async def test_closing_waits_for_handlers_whose_clients_have_left(open_server: Serve) -> None:
    started, release = asyncio.Event(), asyncio.Event()
    ends: list[str] = []

    async def create(_: Request) -> Response:
        started.set()
        await release.wait()
        ends.append("made")
        return Response()

    served = await open_server(create)
    wire = await served.connect()
    await wire.send(request(method="POST"))
    await started.wait()
    wire.close()
    closing = asyncio.create_task(served.server.close(20))
    await asyncio.sleep(0.05)
    assert not closing.done()
    release.set()
    await closing
    assert ends == ["made"]


async def test_another_daemons_socket_file_is_left_alone(short_dir: Path) -> None:
    server = Server(ok)
    path = short_dir / "a.sock"
    await server.listen_unix(path)
    path.unlink()
    path.write_bytes(b"")
    await server.close(0)
    assert path.exists()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_connections_leave_nothing_behind(serve: Serve) -> None:
    served = await serve(ok)
    before = open_files()
    for _ in range(30):
        wire = await served.connect()
        await wire.send(request())
        assert (await wire.answer()).body == b"OK"
        wire.close()
        await wire.writer.wait_closed()
    await served.wait_idle()
    await asyncio.sleep(0.05)
    assert open_files() <= before + 2
