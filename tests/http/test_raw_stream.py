from __future__ import annotations

import asyncio

import pytest

from pogu.errors import Cancelled, PoguError
from pogu.http import RawStream, Request, Response
from tests.http.conftest import Serve
from tests.http.wire import request

UPGRADE = ("Connection: Upgrade", "Upgrade: tcp")


async def shout(asked: Request) -> None:
    """Answer everything in upper case, and its size when the client ends."""
    stream = await asked.take_over(101, [("Content-Type", "application/vnd.docker.raw-stream")], reason="UPGRADED")
    size = 0
    while data := await stream.read():
        size += len(data)
        await stream.write(data.upper())
    await stream.write(b"|%d" % size)


async def test_bytes_in_the_same_packet_as_the_request_are_not_lost(serve: Serve) -> None:
    wire = await (await serve(shout)).connect()
    await wire.send(request("/attach", *UPGRADE, method="POST") + b"together ")
    head = await wire.read_until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n")
    assert b"Connection: Upgrade\r\n" in head and b"Upgrade: tcp\r\n" in head and b"Content-Length" not in head
    await wire.send(b"later")
    await wire.end()
    assert await wire.read_all() == b"TOGETHER LATER|14"


@pytest.mark.parametrize("size", [1, 7])
async def test_a_request_and_its_stream_split_anywhere(open_server: Serve, size: int) -> None:
    data = request("/exec", *UPGRADE, method="POST", body=b'{"Tty":false}') + b"GET / HTTP/1.1\r\n\r\n"

    async def handler(asked: Request) -> None:
        assert await asked.read_body() == b'{"Tty":false}'
        await shout(asked)

    wire = await (await open_server(handler)).connect()
    for i in range(0, len(data), size):
        await wire.send(data[i : i + size])
        await asyncio.sleep(0)
    await wire.end()
    assert (await wire.read_all()).endswith(b"\r\n\r\nGET / HTTP/1.1\r\n\r\n|18")


async def test_the_older_take_over_without_upgrade(serve: Serve) -> None:
    async def handler(asked: Request) -> None:
        stream = await asked.take_over(200, [("Content-Type", "application/vnd.docker.raw-stream")])
        while data := await stream.read():
            await stream.write(data.upper())

    wire = await (await serve(handler)).connect()
    await wire.send(request("/attach", "Content-Length: 0", method="POST") + b"hello\n")
    head = await wire.read_until(b"\r\n\r\n")
    assert head == b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"
    assert await wire.read_until(b"\n") == b"HELLO\n"
    await wire.end()
    assert await wire.read_all() == b""


async def test_requests_before_a_take_over_and_none_after(serve: Serve) -> None:
    async def handler(asked: Request) -> Response | None:
        if asked.path == "/ping":
            return Response(body=b"OK")
        await shout(asked)
        return None

    wire = await (await serve(handler)).connect()
    upgrade = ("Connection: Upgrade", "Upgrade: h2c")
    await wire.send(request("/ping") + request("/session", *upgrade, method="POST") + b"PRI * HTTP/2.0\r\n\r\n")
    assert (await wire.answer()).body == b"OK"
    assert b"Upgrade: h2c\r\n" in await wire.read_until(b"\r\n\r\n")
    await wire.end()
    assert await wire.read_all() == b"PRI * HTTP/2.0\r\n\r\n|18"


async def test_an_unread_sized_body_is_not_the_streams(serve: Serve) -> None:
    wire = await (await serve(shout)).connect()
    await wire.send(request("/attach", *UPGRADE, "Content-Length: 5", method="POST") + b"bo")
    await asyncio.sleep(0.05)
    await wire.send(b"dy!stream")
    await wire.read_until(b"\r\n\r\n")
    await wire.end()
    assert await wire.read_all() == b"STREAM|6"


async def test_a_chunked_body_without_end_is_not_waited_for(serve: Serve) -> None:
    wire = await (await serve(shout)).connect()
    await wire.send(request("/attach", *UPGRADE, "Transfer-Encoding: chunked", method="POST"))
    await wire.read_until(b"\r\n\r\n")
    await wire.send(b"raw")
    await wire.end()
    assert await wire.read_all() == b"RAW|3"


async def test_a_chunked_body_that_came_is_not_the_streams(serve: Serve) -> None:
    wire = await (await serve(shout)).connect()
    await wire.send(
        request("/attach", *UPGRADE, "Transfer-Encoding: chunked", method="POST") + b"2\r\n{}\r\n0\r\n\r\nraw"
    )
    await wire.read_until(b"\r\n\r\n")
    await wire.end()
    assert await wire.read_all() == b"RAW|3"


async def test_each_direction_ends_on_its_own(serve: Serve) -> None:
    received: list[bytes] = []
    done = asyncio.Event()

    async def handler(asked: Request) -> None:
        stream = await asked.take_over()
        await stream.write(b"all I have to say")
        await stream.write_eof()
        await stream.write_eof()
        with pytest.raises(Cancelled):
            await stream.write(b"more")
        while data := await stream.read():
            received.append(data)
        done.set()

    wire = await (await serve(handler)).connect()
    await wire.send(request("/", *UPGRADE, method="POST"))
    assert (await wire.read_all()).endswith(b"all I have to say")
    await asyncio.sleep(0.05)
    await wire.send(b"but I ")
    await asyncio.sleep(0.05)
    await wire.send(b"am not done")
    await wire.end()
    async with asyncio.timeout(10):
        await done.wait()
    assert b"".join(received) == b"but I am not done"


async def test_output_after_the_clients_end(serve: Serve) -> None:
    """What `echo | docker exec -i` needs, also over TLS."""

    async def handler(asked: Request) -> None:
        stream = await asked.take_over()
        assert await stream.read() == b""
        for number in range(50):
            await stream.write(b"%d," % number)
            await asyncio.sleep(0.001)

    wire = await (await serve(handler)).connect()
    await wire.send(request("/", *UPGRADE, method="POST"))
    await wire.end()
    assert (await wire.read_all()).endswith(b"\r\n\r\n" + b"".join(b"%d," % number for number in range(50)))


async def test_read_gives_at_most_what_is_asked_for(open_server: Serve) -> None:
    sizes: list[int] = []

    async def handler(asked: Request) -> None:
        stream = await asked.take_over()
        while data := await stream.read(1000):
            sizes.append(len(data))

    wire = await (await open_server(handler)).connect()
    await wire.send(request("/", *UPGRADE, method="POST") + b"x" * 100_500)
    await wire.end()
    await wire.read_all()
    assert sum(sizes) == 100_500 and max(sizes) == 1000


async def test_back_pressure_both_ways(serve: Serve) -> None:
    total = 32 * 1024 * 1024
    release = asyncio.Event()
    written = 0

    async def handler(asked: Request) -> None:
        nonlocal written
        stream = await asked.take_over()
        await release.wait()
        size = 0
        while size < total:
            size += len(await stream.read())
        for _ in range(32):
            await stream.write(b"y" * 1024 * 1024)
            written += 1024 * 1024

    wire = await (await serve(handler)).connect()
    wire.writer.transport.set_write_buffer_limits(0)
    await wire.send(request("/", *UPGRADE, method="POST"))
    await wire.read_until(b"\r\n\r\n")
    sent = 0

    async def send() -> None:
        nonlocal sent
        while sent < total:
            await wire.send(b"x" * 1024 * 1024)
            sent += 1024 * 1024

    sending = asyncio.create_task(send())
    before = -1
    while before != sent:
        before = sent
        await asyncio.sleep(0.3)
    assert sent < total, "the handler did not read, and all was taken nevertheless"
    release.set()
    await sending
    before = -1
    while before != written:
        before = written
        await asyncio.sleep(0.3)
    assert written < total, "the client did not read, and the handler could write nevertheless"
    received = 0
    async with asyncio.timeout(60):
        while received < total:
            received += len(await wire.read())


async def test_closing_loses_nothing_though_the_client_still_sends(serve: Serve) -> None:
    """A container ends while input for it is on its way: its last output must arrive."""
    output = b"z" * 3_000_000

    async def handler(asked: Request) -> None:
        stream = await asked.take_over()
        await stream.write(output)
        await stream.close()
        assert stream.closed.is_set()

    served = await serve(handler)
    wire = await served.connect()
    await wire.send(request("/", *UPGRADE, method="POST") + b"never read " * 1000)
    await asyncio.sleep(0.1)
    _head, _, body = (await wire.read_all()).partition(b"\r\n\r\n")
    assert body == output
    wire.close()
    await served.wait_idle()


async def test_a_client_that_stays_is_given_up(serve: Serve) -> None:
    async def handler(asked: Request) -> None:
        await (await asked.take_over()).write(b"bye")

    served = await serve(handler, linger_seconds=0.1)
    wire = await served.connect()
    await wire.send(request("/", *UPGRADE, method="POST"))
    assert (await wire.read_all()).endswith(b"bye")
    await served.wait_idle()


async def test_a_slow_client_gets_everything_before_it_is_given_up(serve: Serve) -> None:
    output = b"z" * 8_000_000

    async def handler(asked: Request) -> None:
        await (await asked.take_over()).write(output)

    served = await serve(handler, linger_seconds=0.05)
    wire = await served.connect()
    wire.reader._limit = 4096  # type: ignore[attr-defined]
    await wire.send(request("/", *UPGRADE, method="POST"))
    await wire.read_until(b"\r\n\r\n")
    await asyncio.sleep(0.5)
    wire.reader._limit = 1024 * 1024  # type: ignore[attr-defined]
    assert await wire.read_all() == output


@pytest.mark.parametrize("leave", ["close", "reset"])
async def test_a_client_that_is_gone(serve: Serve, leave: str) -> None:
    failed: list[PoguError] = []
    ready, ended = asyncio.Event(), asyncio.Event()

    async def handler(asked: Request) -> None:
        stream = await asked.take_over()
        ready.set()
        try:
            assert await stream.read() == b""
            while True:
                await stream.write(b"x" * 10_000)
                await asyncio.sleep(0.001)
        except PoguError as error:
            failed.append(error)
            async with asyncio.timeout(10):
                await stream.closed.wait()
        ended.set()

    served = await serve(handler)
    wire = await served.connect()
    await wire.send(request("/", *UPGRADE, method="POST"))
    await wire.read_until(b"\r\n\r\n")
    await ready.wait()
    getattr(wire, leave)()
    async with asyncio.timeout(10):
        await ended.wait()
    assert isinstance(failed[0], Cancelled)
    await served.wait_idle()


async def test_abort_breaks_the_connection(serve: Serve) -> None:
    async def handler(asked: Request) -> None:
        stream = await asked.take_over()
        await stream.write(b"x")
        stream.abort()
        async with asyncio.timeout(10):
            await stream.closed.wait()
        assert await stream.read() == b""
        await stream.close()
        await stream.write_eof()

    served = await serve(handler)
    wire = await served.connect()
    await wire.send(request("/", *UPGRADE, method="POST"))
    try:
        await wire.read_all()
    except ConnectionResetError:
        pass
    await served.wait_idle()


async def test_one_reader_at_a_time_and_one_take_over(open_server: Serve) -> None:
    streams: list[RawStream] = []

    async def handler(asked: Request) -> None:
        stream = await asked.take_over()
        streams.append(stream)
        with pytest.raises(PoguError, match="already"):
            await asked.take_over()
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0)
        with pytest.raises(PoguError, match="two tasks"):
            await stream.read()
        reading.cancel()
        await asyncio.wait([reading])
        assert await stream.read() == b"x"  # nothing was lost with the cancelled read
        await stream.write(b"fine")

    wire = await (await open_server(handler)).connect()
    await wire.send(request("/", *UPGRADE, method="POST"))
    await wire.read_until(b"\r\n\r\n")
    await asyncio.sleep(0.1)
    await wire.send(b"x")
    assert await wire.read_all() == b"fine"


@pytest.mark.logs_errors
async def test_a_handler_that_fails_after_taking_over(serve: Serve) -> None:
    async def handler(asked: Request) -> None:
        await asked.take_over()
        raise RuntimeError("after taking over")

    served = await serve(handler)
    wire = await served.connect()
    await wire.send(request("/", *UPGRADE, method="POST"))
    try:
        assert b"500" not in await wire.read_all()
    except ConnectionResetError:
        pass
    await served.wait_idle()
