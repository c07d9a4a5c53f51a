from __future__ import annotations

import asyncio
import gc

import pytest

from pogu.errors import Cancelled
from pogu.http import Request, Response
from tests.http.conftest import Serve
from tests.http.wire import request


async def echo(asked: Request) -> Response:
    return Response(body=asked.path.encode() + b"|" + await asked.read_body())


async def ignore(_: Request) -> Response:
    return Response(body=b"ignored")


# --- keeping connections ---


async def test_one_connection_many_requests(serve: Serve) -> None:
    wire = await (await serve(echo)).connect()
    for number in range(5):
        await wire.send(request(f"/{number}", method="POST", body=b"x" * number))
        answer = await wire.answer("POST")
        assert (answer.status, answer.body) == (200, f"/{number}|".encode() + b"x" * number)
        assert "connection" not in answer.headers


async def test_requests_sent_ahead_are_answered_in_order(serve: Serve) -> None:
    wire = await (await serve(echo)).connect()
    ahead = b"".join(request(f"/{number}", method="POST", body=b"b" * (number % 3)) for number in range(300))
    sending = asyncio.create_task(wire.send(ahead))
    for number in range(300):
        assert (await wire.answer("POST")).body == f"/{number}|".encode() + b"b" * (number % 3)
    await sending


async def test_what_is_sent_ahead_is_bounded(open_server: Serve) -> None:
    release = asyncio.Event()

    async def slow(asked: Request) -> Response:
        await release.wait()
        return await echo(asked)

    wire = await (await open_server(slow, inbound_buffer_bytes=4096)).connect()
    wire.writer.transport.set_write_buffer_limits(0)
    ahead = b"".join(request(f"/{number}", "X: " + "y" * 1000) for number in range(2000))
    sending = asyncio.create_task(wire.send(ahead))
    done, _ = await asyncio.wait([sending], timeout=0.3)
    assert not done, "two megabytes were swallowed while the first request was being answered"
    release.set()
    for number in range(2000):
        assert (await wire.answer()).body == f"/{number}|".encode()
    await sending


async def test_connection_close_is_honoured(serve: Serve) -> None:
    wire = await (await serve(echo)).connect()
    await wire.send(request("/a", "Connection: close") + request("/b"))
    answer = await wire.answer()
    assert answer.headers["connection"] == "close" and answer.body == b"/a|"
    assert await wire.read_all() == b""


async def test_http_1_0(serve: Serve) -> None:
    served = await serve(echo)
    wire = await served.connect()
    await wire.send(b"GET /a HTTP/1.0\r\n\r\n")
    answer = (await wire.read_all()).decode()
    assert answer.startswith("HTTP/1.1 200 OK\r\n") and "Connection: close" in answer and answer.endswith("\r\n\r\n/a|")
    wire.close()
    wire = await served.connect()
    for _ in range(2):
        await wire.send(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = await wire.answer()
        assert (answer.headers["connection"], answer.body) == ("keep-alive", b"/a|")


async def test_an_upgrade_nobody_wants_is_an_ordinary_request(serve: Serve) -> None:
    wire = await (await serve(echo)).connect()
    upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk")
    await wire.send(request("/a", *upgrade, method="POST", body=b"x") + request("/b"))
    assert (await wire.answer("POST")).body == b"/a|x"
    assert (await wire.answer()).body == b"/b|"


# --- request bodies nobody reads ---


async def test_a_small_unread_body_keeps_the_connection(serve: Serve) -> None:
    wire = await (await serve(ignore)).connect()
    await wire.send(request("/", "Content-Length: 1000", method="POST"))
    answer = await wire.answer("POST")
    assert answer.body == b"ignored" and "connection" not in answer.headers
    await wire.send(b"x" * 1000 + request())
    assert (await wire.answer()).body == b"ignored"


@pytest.mark.parametrize("framing", ["Content-Length: 100000000", "Transfer-Encoding: chunked"])
async def test_a_large_unread_body_ends_the_connection_after_the_answer_has_arrived(serve: Serve, framing: str) -> None:
    wire = await (await serve(ignore, inbound_buffer_bytes=4096)).connect()

    async def upload() -> None:
        try:
            await wire.send(request("/", framing, method="POST"))
            for _ in range(2000):
                await wire.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except OSError:
            pass

    sending = asyncio.create_task(upload())
    answer = await wire.answer("POST")
    assert (answer.body, answer.headers["connection"]) == (b"ignored", "close")
    await sending


async def test_a_bad_chunk_is_an_error_for_the_reader_and_the_end(serve: Serve) -> None:
    wire = await (await serve(echo)).connect()
    await wire.send(request("/", "Transfer-Encoding: chunked", method="POST") + b"2\r\nab\r\nzz\r\n")
    answer = await wire.answer("POST")
    assert answer.status == 400 and b"expected a chunk size" in answer.body and answer.headers["connection"] == "close"
    assert await wire.read_all() == b""


# --- refusals ---


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"HELLO\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 5000 + b"\r\n\r\n", 431),
        (b"GET /" + b"x" * 5000, 414),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n", 413),
    ],
)
async def test_a_refused_request_is_answered_and_the_connection_ended(serve: Serve, data: bytes, status: int) -> None:
    served = await serve(echo, header_bytes=4096, body_bytes=1000)
    wire = await served.connect()
    await wire.send(request("/first") + data + b"more that is never read")
    assert (await wire.answer()).body == b"/first|"
    answer = await wire.answer()
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert await wire.read_all() == b""
    wire.close()
    await served.wait_idle()


async def test_too_many_connections(serve: Serve) -> None:
    served = await serve(echo, connections=2)
    wires = [await served.connect(), await served.connect()]
    for wire in wires:
        await wire.send(request())
        assert (await wire.answer()).status == 200
    refused = await served.connect()
    assert (await refused.answer()).status == 503
    assert await refused.read_all() == b""
    refused.close()
    wires[0].close()
    async with asyncio.timeout(10):
        while served.server.connections > 1:
            await asyncio.sleep(0.01)
    again = await served.connect()
    await again.send(request())
    assert (await again.answer()).status == 200
    again.close()
    wires[1].close()


# --- time ---


async def test_a_header_that_does_not_arrive(open_server: Serve) -> None:
    wire = await (await open_server(echo, header_seconds=1.0, idle_seconds=60)).connect()
    await wire.send(request())
    assert (await wire.answer()).status == 200
    await wire.send(b"GET / HTTP/1.1\r\nHos")
    answer = await wire.answer()
    assert (answer.status, answer.headers["connection"]) == (408, "close")


async def test_a_trickling_header_gets_no_more_time(open_server: Serve) -> None:
    served = await open_server(echo, header_seconds=0.3)
    wire = await served.connect()

    async def trickle() -> None:
        try:
            for byte in (b"G", b"E", b"T", b" ", *[b"/"] * 1000):
                await wire.send(byte)
                await asyncio.sleep(0.02)
        except OSError:
            pass

    sending = asyncio.create_task(trickle())
    assert (await wire.answer()).status == 408
    sending.cancel()


async def test_silence_ends_a_connection_without_an_answer(serve: Serve) -> None:
    silent = await (await serve(echo, header_seconds=0.5)).connect()
    assert await silent.read_all() == b""
    wire = await (await serve(echo, idle_seconds=0.1)).connect()
    await wire.send(request())
    assert (await wire.answer()).status == 200
    assert await wire.read_all() == b""


async def test_a_long_answer_is_not_idleness(open_server: Serve) -> None:
    async def slow(asked: Request) -> Response:
        await asyncio.sleep(1.3)
        return await echo(asked)

    wire = await (await open_server(slow, header_seconds=1.0, idle_seconds=1.0)).connect()
    await wire.send(request("/a"))
    assert (await wire.answer()).body == b"/a|"


# --- the client's end ---


async def test_a_client_that_only_ends_its_direction_gets_its_answers(serve: Serve) -> None:
    wire = await (await serve(echo)).connect()
    await wire.send(request("/a") + request("/b"))
    await wire.end()
    first = await wire.answer()
    assert first.body == b"/a|"
    assert (await wire.answer()).body == b"/b|"
    assert await wire.read_all() == b""


async def test_an_unfinished_body_is_never_taken_for_a_whole_one(serve: Serve) -> None:
    errors: list[Exception] = []
    failed = asyncio.Event()

    async def collect(asked: Request) -> Response:
        try:
            return Response(body=await asked.read_body())
        except Exception as error:
            errors.append(error)
            failed.set()
            raise

    served = await serve(collect)
    for framing in ("Content-Length: 10", "Transfer-Encoding: chunked"):
        failed.clear()
        wire = await served.connect()
        await wire.send(request("/", framing, method="POST") + b"5\r\nhello"[: 8 if "chunked" in framing else 5])
        await wire.end()
        async with asyncio.timeout(10):
            await failed.wait()
        wire.close()
    assert [type(error) for error in errors] == [Cancelled, Cancelled]


async def test_a_reset_in_the_middle_of_a_body(serve: Serve) -> None:
    begun, failed = asyncio.Event(), asyncio.Event()

    async def collect(asked: Request) -> Response:
        try:
            async for _ in asked.stream_body():
                begun.set()
        except Cancelled:
            failed.set()
            raise
        return Response()

    served = await serve(collect)
    wire = await served.connect()
    await wire.send(request("/", "Content-Length: 1000000", method="POST") + b"x" * 1000)
    async with asyncio.timeout(10):
        await begun.wait()
        wire.reset()
        await failed.wait()
    await served.wait_idle()


async def test_a_body_cut_off_behind_a_request_still_being_answered(serve: Serve) -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def handler(asked: Request) -> Response:
        started.set()
        await release.wait()
        return await echo(asked)

    wire = await (await serve(handler)).connect()
    await wire.send(request("/a") + request("/b", "Content-Length: 10", method="POST") + b"hello")
    await wire.end()
    await started.wait()
    await asyncio.sleep(0.1)
    release.set()
    assert (await wire.answer()).body == b"/a|"
    assert (await wire.answer("POST")).status == 400
    assert await wire.read_all() == b""


async def test_answered_requests_leave_nothing_for_the_collector(open_server: Serve) -> None:
    wire = await (await open_server(echo)).connect()

    async def ask(times: int) -> None:
        for _ in range(times):
            await wire.send(request("/a", method="POST", body=b"x"))
            await wire.read_until(b"/a|x")

    await ask(5)
    gc.collect()
    gc.disable()
    try:
        await ask(200)
        assert gc.collect() < 50
    finally:
        gc.enable()
