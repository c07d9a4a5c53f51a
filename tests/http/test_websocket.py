from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wsproto import ConnectionType, WSConnection
from wsproto import events as ws

from pogu.errors import Cancelled
from pogu.http import Request, WebSocket
from tests.http.conftest import Serve, Served
from tests.http.wire import Wire, request


class Client:
    """The other end, by wsproto."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.protocol = WSConnection(ConnectionType.CLIENT)
        self.subprotocol: str | None = None
        self.events: list[ws.Event] = []

    async def open(self, subprotocols: list[str] | None = None) -> None:
        await self.send(ws.Request(host="x", target="/ws", subprotocols=subprotocols or []))
        event = await self.next()
        assert isinstance(event, ws.AcceptConnection)
        self.subprotocol = event.subprotocol

    async def send(self, *events: ws.Event) -> None:
        await self.wire.send(b"".join(self.protocol.send(event) for event in events))

    async def next(self) -> ws.Event | None:
        async with asyncio.timeout(20):
            while not self.events:
                data = await self.wire.read()
                if not data:
                    return None
                self.protocol.receive_data(data)
                self.events.extend(self.protocol.events())
        return self.events.pop(0)


async def opened(served: Served, subprotocols: list[str] | None = None) -> Client:
    client = Client(await served.connect())
    await client.open(subprotocols)
    return client


async def echo(asked: Request) -> None:
    socket = await asked.websocket(["v5.channel.k8s.io", "v4.channel.k8s.io"])
    while (message := await socket.recv()) is not None:
        await socket.send(message)


async def test_text_and_binary_messages(serve: Serve) -> None:
    client = await opened(await serve(echo))
    await client.send(ws.TextMessage("포구"), ws.BytesMessage(b"\x00\xff"))
    text, data = await client.next(), await client.next()
    assert isinstance(text, ws.TextMessage) and text.data == "포구"
    assert isinstance(data, ws.BytesMessage) and data.data == b"\x00\xff"
    assert client.subprotocol is None


async def test_the_clients_first_known_subprotocol_is_chosen(serve: Serve) -> None:
    client = await opened(await serve(echo), ["v9.channel.k8s.io", "v4.channel.k8s.io", "v5.channel.k8s.io"])
    assert client.subprotocol == "v4.channel.k8s.io"


async def test_fragments_are_joined_around_pings(serve: Serve) -> None:
    client = await opened(await serve(echo))
    await client.send(
        ws.TextMessage("one ", message_finished=False),
        ws.Ping(b"still there?"),
        ws.TextMessage("", message_finished=False),
        ws.TextMessage("message"),
    )
    pong, message = await client.next(), await client.next()
    assert isinstance(pong, ws.Pong) and pong.payload == b"still there?"
    assert isinstance(message, ws.TextMessage) and message.data == "one message"


async def test_a_large_message_is_whole(serve: Serve) -> None:
    client = await opened(await serve(echo))
    data = bytes(range(256)) * 4000
    sending = asyncio.create_task(client.send(ws.BytesMessage(data)))
    received = b""
    while len(received) < len(data):
        event = await client.next()
        assert isinstance(event, ws.BytesMessage)
        received += event.data
    assert received == data
    await sending


async def test_the_client_closes(serve: Serve) -> None:
    codes: list[int | None] = []

    async def handler(asked: Request) -> None:
        socket = await asked.websocket()
        assert await socket.recv() is None
        assert await socket.recv() is None
        codes.append(socket.close_code)
        with pytest.raises(Cancelled):
            await socket.send("too late")

    served = await serve(handler)
    client = await opened(served)
    await client.send(ws.CloseConnection(4001, "done"))
    event = await client.next()
    assert isinstance(event, ws.CloseConnection) and event.code == 4001
    assert await client.next() is None
    client.wire.close()
    await served.wait_idle()
    assert codes == [4001]


async def test_the_server_closes(serve: Serve) -> None:
    async def handler(asked: Request) -> None:
        socket = await asked.websocket()
        await socket.send("bye")
        await socket.close(1001, "going away")
        await socket.close()
        assert socket.closed.is_set() and socket.close_code == 1001
        assert await socket.recv() is None

    client = await opened(await serve(handler, linger_seconds=0.2))
    assert isinstance(await client.next(), ws.TextMessage)
    event = await client.next()
    assert isinstance(event, ws.CloseConnection) and (event.code, event.reason) == (1001, "going away")
    await client.send(event.response())
    assert await client.next() is None


async def test_a_handler_that_just_returns_ends_the_connection(serve: Serve) -> None:
    async def handler(asked: Request) -> None:
        await (await asked.websocket()).ping(b"x")

    client = await opened(await serve(handler))
    assert isinstance(await client.next(), ws.Ping)
    assert await client.next() is None


async def test_a_connection_that_just_ends(serve: Serve) -> None:
    ended = asyncio.Event()
    sockets: list[WebSocket] = []

    async def handler(asked: Request) -> None:
        sockets.append(await asked.websocket())
        assert await sockets[0].recv() is None
        ended.set()

    client = await opened(await serve(handler))
    client.wire.reset()
    async with asyncio.timeout(10):
        await ended.wait()
    assert sockets[0].close_code == 1006


@pytest.mark.parametrize("fragments", [1, 3])
async def test_a_message_over_the_limit_closes_with_1009(open_server: Serve, fragments: int) -> None:
    client = await opened(await open_server(echo, websocket_message_bytes=1000))
    for number in range(fragments):
        data = b"x" * (1200 // fragments)
        await client.send(ws.BytesMessage(data, message_finished=number == fragments - 1))
    event = await client.next()
    assert isinstance(event, ws.CloseConnection) and event.code == 1009


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x01x", 1002),  # not masked
        (b"\x83\x80abcd", 1002),  # an unknown opcode
        (b"\xc1\x81abcd\x19", 1002),  # a reserved bit
        (b"\x81\x81abcd\x9e", 1007),  # text that is not UTF-8
        (b"\x80\x80abcd", 1002),  # a continuation of nothing
        (b"\x89\xfe\x00\x80abcd" + b"a" * 128, 1002),  # a ping of 128 bytes
        (b"\x88\x81abcda", 1002),  # a close with half a code
    ],
)
async def test_violations_of_the_protocol(open_server: Serve, frame: bytes, code: int) -> None:
    client = await opened(await open_server(echo))
    await client.wire.send(frame)
    event = await client.next()
    assert isinstance(event, ws.CloseConnection) and event.code == code


KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
GOOD = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY)


async def test_the_handshake_of_the_specification(open_server: Serve) -> None:
    wire = await (await open_server(echo)).connect()
    await wire.send(request("/ws", *GOOD) + b"\x81\x82abcd\x09\x0b")  # "hi", in the same packet
    head = await wire.read_until(b"\r\n\r\n")
    assert b"HTTP/1.1 101 Switching Protocols\r\n" in head
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head  # RFC 6455, 1.3
    assert await wire.read_until(b"hi") == b"\x81\x02hi"


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("GET", ()),
        ("POST", GOOD),
        ("GET", ("Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY)),
        ("GET", (*GOOD[:2], "Sec-WebSocket-Version: 8", KEY)),
        ("GET", GOOD[:3]),
        ("GET", (*GOOD[:3], "Sec-WebSocket-Key: short")),
    ],
)
async def test_no_handshake(open_server: Serve, method: str, fields: tuple[str, ...]) -> None:
    wire = await (await open_server(echo)).connect()
    await wire.send(request("/ws", *fields, method=method))
    assert (await wire.answer(method)).status == 400


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=60))
def test_random_frames_neither_crash_nor_hang(data: bytes) -> None:
    from pogu.http import Server

    async def main() -> None:
        server = Server(echo)
        address = await server.listen_tcp("127.0.0.1", 0)
        wire = Wire(*await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2])))
        await wire.send(request("/ws", *GOOD) + data)
        await wire.end()
        assert (await wire.read_all()).startswith(b"HTTP/1.1 101 ")
        wire.close()
        await server.close(5)

    asyncio.run(main())
