from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pogu.errors import Cancelled, InvalidArgument, TooLarge
from pogu.http import Request, Response, Router
from tests.http.conftest import Serve
from tests.http.wire import request

# --- answers ---


async def test_bytes_have_a_length(serve: Serve) -> None:
    async def handler(_: Request) -> Response:
        return Response(201, [("Content-Type", "application/json")], b'{"Id":"x"}')

    wire = await (await serve(handler)).connect()
    await wire.send(request())
    answer = await wire.answer()
    assert (answer.status, answer.body) == (201, b'{"Id":"x"}')
    assert answer.headers["content-length"] == "10" and answer.headers["content-type"] == "application/json"
    assert "date" in answer.headers


async def test_a_large_answer_arrives_whole(serve: Serve) -> None:
    body = bytes(range(256)) * 20_000

    async def handler(_: Request) -> Response:
        return Response(body=body)

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        await wire.send(request())
        assert (await wire.answer()).body == body


@pytest.mark.parametrize("status", [204, 304])
async def test_some_statuses_have_no_body(serve: Serve, status: int) -> None:
    async def handler(_: Request) -> Response:
        return Response(status, [], b"dropped")

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        await wire.send(request())
        answer = await wire.answer()
        assert (answer.status, answer.body) == (status, b"")
        assert "content-length" not in answer.headers and "transfer-encoding" not in answer.headers


async def test_head_has_the_header_only(serve: Serve) -> None:
    closed: list[str] = []

    async def pieces() -> AsyncIterator[bytes]:
        try:
            yield b"never sent"
        finally:
            closed.append("pieces")

    async def handler(asked: Request) -> Response:
        if asked.path == "/stream":
            return Response(body=pieces())
        if asked.path == "/declared":
            return Response(headers=[("Content-Length", "77")])
        return Response(body=b"twelve bytes")

    wire = await (await serve(handler)).connect()
    await wire.send(request("/", method="HEAD"))
    answer = await wire.answer("HEAD")
    assert (answer.headers["content-length"], answer.body) == ("12", b"")
    await wire.send(request("/declared", method="HEAD"))
    assert (await wire.answer("HEAD")).headers["content-length"] == "77"
    await wire.send(request("/stream", method="HEAD"))
    assert (await wire.answer("HEAD")).body == b""
    await wire.send(request("/"))
    assert (await wire.answer()).body == b"twelve bytes"


async def test_streamed_pieces_are_sent_one_by_one(serve: Serve) -> None:
    go = asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        await go.wait()
        for number in range(3):
            go.clear()
            yield b"" if number == 1 else b"piece %d" % number
            await go.wait()

    async def handler(_: Request) -> Response:
        return Response(body=pieces())

    wire = await (await serve(handler)).connect()
    await wire.send(request())
    head = await wire.read_until(b"\r\n\r\n")  # before there is any piece
    assert b"Transfer-Encoding: chunked" in head and b"Content-Length" not in head
    go.set()
    assert await wire.read_until(b"piece 0\r\n") == b"7\r\npiece 0\r\n"
    go.set()
    await asyncio.sleep(0)
    while not go.is_set():
        go.set()
    async with asyncio.timeout(10):
        reading = asyncio.create_task(wire.read_until(b"piece 2\r\n"))
        while not reading.done():
            go.set()
            await asyncio.sleep(0.01)
    assert await reading == b"7\r\npiece 2\r\n"
    go.set()
    assert await wire.read_until(b"0\r\n\r\n") == b"0\r\n\r\n"


async def test_a_stream_of_known_length_is_not_chunked(serve: Serve) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"def"

    async def handler(_: Request) -> Response:
        return Response(headers=[("Content-Length", "6")], body=pieces())

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        await wire.send(request())
        answer = await wire.answer()
        assert answer.body == b"abcdef" and "transfer-encoding" not in answer.headers


@pytest.mark.logs_errors
@pytest.mark.parametrize("length", ["5", "7"])
async def test_a_stream_of_another_length_than_said_breaks_off(serve: Serve, length: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"def"

    async def handler(_: Request) -> Response:
        return Response(headers=[("Content-Length", length)], body=pieces())

    wire = await (await serve(handler)).connect()
    await wire.send(request())
    with pytest.raises((EOFError, OSError, __import__("h11").RemoteProtocolError)):
        await wire.answer()


@pytest.mark.logs_errors
async def test_a_stream_that_fails_does_not_look_whole(serve: Serve) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        raise RuntimeError("the disk is gone")

    async def handler(_: Request) -> Response:
        return Response(body=pieces())

    wire = await (await serve(handler)).connect()
    await wire.send(request())
    try:
        data = await wire.read_all()
    except ConnectionResetError:
        data = b""
    assert not data.endswith(b"0\r\n\r\n")


async def test_http_1_0_clients_get_a_stream_that_ends_with_the_connection(serve: Serve) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"def"

    async def handler(_: Request) -> Response:
        return Response(body=pieces())

    wire = await (await serve(handler)).connect()
    await wire.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    data = await wire.read_all()
    assert data.endswith(b"\r\n\r\nabcdef") and b"chunked" not in data and b"Connection: close" in data


@pytest.mark.logs_errors
async def test_a_failing_handler_is_a_500_without_its_details(serve: Serve) -> None:
    async def handler(asked: Request) -> Response | None:
        if asked.path == "/none":
            return None
        if asked.path == "/forged":
            return Response(headers=[("X", "a\r\nb: c")])
        if asked.path == "/length":
            return Response(headers=[("Content-Length", "3")], body=b"four")
        raise RuntimeError("secret")

    wire = await (await serve(handler)).connect()
    for path in ("/raise", "/none", "/forged", "/length"):
        await wire.send(request(path))
        answer = await wire.answer()
        assert (answer.status, answer.body) == (500, b"internal error\n")


async def test_errors_raised_on_purpose_have_their_status(serve: Serve) -> None:
    async def handler(_: Request) -> Response:
        raise InvalidArgument("bad value for x")

    wire = await (await serve(handler)).connect()
    await wire.send(request())
    answer = await wire.answer()
    assert (answer.status, answer.body) == (400, b"bad value for x\n")


async def test_a_handler_may_end_the_connection(serve: Serve) -> None:
    async def handler(_: Request) -> Response:
        return Response(headers=[("Connection", "close")], body=b"x")

    wire = await (await serve(handler)).connect()
    await wire.send(request())
    assert (await wire.answer()).headers["connection"] == "close"
    assert await wire.read_all() == b""


# --- request bodies ---


async def test_a_chunked_upload_streams_through(serve: Serve) -> None:
    async def handler(asked: Request) -> Response:
        return Response(body=asked.stream_body())

    wire = await (await serve(handler)).connect()
    data = bytes(range(256)) * 8192
    chunks = b"".join(b"%x\r\n%b\r\n" % (32768, data[i : i + 32768]) for i in range(0, len(data), 32768))
    sending = asyncio.create_task(
        wire.send(request("/", "Transfer-Encoding: chunked", method="PUT") + chunks + b"0\r\n\r\n" + request("/next"))
    )
    assert (await wire.answer("PUT")).body == data
    assert (await wire.answer()).body == b""
    await sending


async def test_a_handler_that_does_not_read_stops_the_sender(serve: Serve) -> None:
    release = asyncio.Event()
    sent = 0

    async def handler(asked: Request) -> Response:
        await release.wait()
        size = 0
        async for piece in asked.stream_body():
            size += len(piece)
        return Response(body=str(size).encode())

    wire = await (await serve(handler, inbound_buffer_bytes=64 * 1024)).connect()
    wire.writer.transport.set_write_buffer_limits(0)
    total = 64 * 1024 * 1024

    async def upload() -> None:
        nonlocal sent
        await wire.send(request("/", f"Content-Length: {total}", method="PUT"))
        while sent < total:
            await wire.send(b"x" * 1024 * 1024)
            sent += 1024 * 1024

    sending = asyncio.create_task(upload())
    before = -1
    while before != sent:  # until the sender is stuck
        before = sent
        await asyncio.sleep(0.5)
    assert sent < total
    release.set()
    assert (await wire.answer("PUT")).body == str(total).encode()
    await sending


async def test_a_waiting_client_is_asked_when_the_body_is_wanted(serve: Serve) -> None:
    async def handler(asked: Request) -> Response:
        return Response(body=b"got " + await asked.read_body())

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        await wire.send(request("/", "Expect: 100-continue", "Content-Length: 3", method="POST"))
        assert await wire.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(b"abc")
        answer = await wire.answer("POST")
        assert answer.body == b"got abc" and answer.asked_to_continue == 0


async def test_a_waiting_client_is_asked_before_an_answer_that_reads_its_body(serve: Serve) -> None:
    async def handler(asked: Request) -> Response:
        return Response(body=asked.stream_body())

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        await wire.send(request("/", "Expect: 100-continue", "Content-Length: 3", method="POST"))
        assert await wire.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await wire.send(b"abc")
        assert (await wire.answer("POST")).body == b"abc"


async def test_a_waiting_client_is_not_asked_for_a_body_nobody_wants(serve: Serve) -> None:
    async def handler(_: Request) -> Response:
        return Response(403)

    wire = await (await serve(handler)).connect()
    await wire.send(request("/", "Expect: 100-continue", "Content-Length: 3", method="POST"))
    answer = await wire.answer("POST")
    assert (answer.status, answer.asked_to_continue, answer.headers["connection"]) == (403, 0, "close")


async def test_a_client_that_does_not_wait_after_all_is_not_asked(serve: Serve) -> None:
    async def handler(asked: Request) -> Response:
        return Response(body=b"got " + await asked.read_body())

    wire = await (await serve(handler)).connect()
    await wire.send(request("/", "Expect: 100-continue", method="POST", body=b"abc"))
    answer = await wire.answer("POST")
    assert (answer.body, answer.asked_to_continue) == (b"got abc", 0)


@pytest.mark.parametrize("framing", ["Content-Length: 11", "Transfer-Encoding: chunked"])
async def test_read_body_has_a_limit(serve: Serve, framing: str) -> None:
    caught: list[TooLarge] = []

    async def handler(asked: Request) -> Response:
        try:
            await asked.read_body(10 if asked.path == "/own" else None)
        except TooLarge as error:
            caught.append(error)
            raise
        return Response()

    served = await serve(handler, buffered_body_bytes=10)
    for path in ("/own", "/default"):
        wire = await served.connect()
        await wire.send(
            request(path, framing, method="POST") + (b"b\r\nhello world\r\n0\r\n\r\n" if "ch" in framing else b"")
        )
        answer = await wire.answer("POST")
        assert (answer.status, answer.body) == (413, b"the request body is larger than 10 bytes\n")
        wire.close()
    assert len(caught) == 2


async def test_a_chunked_body_over_the_servers_limit(serve: Serve) -> None:
    async def handler(asked: Request) -> Response:
        return Response(body=asked.stream_body()) if asked.path == "/x" else Response(body=await asked.read_body())

    wire = await (await serve(handler, body_bytes=5)).connect()
    await wire.send(request("/", "Transfer-Encoding: chunked", method="POST") + b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
    assert (await wire.answer("POST")).status == 413


# --- clients that read slowly or leave ---


async def test_a_slow_reader_stops_the_stream_and_loses_nothing(serve: Serve) -> None:
    produced = 0
    total = 64

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal produced
        for number in range(total):
            produced += 1
            yield bytes([number]) * 1024 * 1024

    async def handler(_: Request) -> Response:
        return Response(body=pieces())

    wire = await (await serve(handler)).connect()
    wire.reader._limit = 4096  # type: ignore[attr-defined]  # asyncio's reader stops at twice this
    await wire.send(request())
    await wire.read_until(b"\r\n\r\n")
    before = -1
    while before != produced:  # until the producer is stuck
        before = produced
        await asyncio.sleep(0.5)
    assert produced < total
    wire.reader._limit = 1024 * 1024  # type: ignore[attr-defined]
    received = len(wire.buffered)
    wire.buffered = b""
    async with asyncio.timeout(60):
        while produced < total or received < total * 1024 * 1024:
            data = await wire.read()
            assert data
            received += len(data)


async def test_a_streaming_iterator_is_closed_when_the_client_leaves(serve: Serve) -> None:
    closed = asyncio.Event()

    async def forever() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"tick"
                await asyncio.sleep(0.01)
        finally:
            closed.set()

    async def handler(_: Request) -> Response:
        return Response(body=forever())

    served = await serve(handler)
    for leave in ("close", "reset"):
        closed.clear()
        wire = await served.connect()
        await wire.send(request())
        await wire.read_until(b"tick")
        getattr(wire, leave)()
        async with asyncio.timeout(10):
            await closed.wait()
    await served.wait_idle()


async def test_a_silent_stream_for_one_client_is_closed_when_it_leaves(serve: Serve) -> None:
    closed = asyncio.Event()

    async def silent() -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def handler(_: Request) -> Response:
        return Response(body=silent())

    router = Router()
    router.add("GET", "/", handler, cancel_on_disconnect=True)
    served = await serve(router)
    wire = await served.connect()
    await wire.send(request())
    await wire.read_until(b"first")
    wire.close()
    async with asyncio.timeout(10):
        await closed.wait()
    await served.wait_idle()


async def test_an_iterator_is_closed_even_if_the_client_left_before_it_began(open_server: Serve) -> None:
    class Pieces:
        def __init__(self) -> None:
            self.closed = asyncio.Event()

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            return b"x"

        async def aclose(self) -> None:
            self.closed.set()

    pieces = Pieces()
    started, release = asyncio.Event(), asyncio.Event()

    async def handler(_: Request) -> Response:
        started.set()
        await release.wait()
        return Response(body=pieces)

    served = await open_server(handler)
    wire = await served.connect()
    await wire.send(request())
    await started.wait()
    wire.close()
    await asyncio.sleep(0.1)
    release.set()
    async with asyncio.timeout(10):
        await pieces.closed.wait()
    await served.wait_idle()


@pytest.mark.parametrize("leave", ["close", "reset"])
async def test_only_handlers_that_want_it_are_cancelled(serve: Serve, leave: str) -> None:
    events: list[str] = []
    started, ended, release = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def handler(asked: Request) -> Response:
        started.set()
        try:
            await release.wait()
            events.append("ran to its end")
        except asyncio.CancelledError:
            await asyncio.sleep(0.05)  # cleaning up is not cancelled again
            events.append("cancelled")
            raise
        finally:
            ended.set()
        return Response()

    router = Router()
    router.add("POST", "/wait", handler, cancel_on_disconnect=True)
    router.add("POST", "/create", handler)
    served = await serve(router)
    for path in ("/wait", "/create"):
        started.clear()
        ended.clear()
        wire = await served.connect()
        await wire.send(request(path, method="POST"))
        async with asyncio.timeout(10):
            await started.wait()
        getattr(wire, leave)()
        if path == "/create":
            await asyncio.sleep(0.1)
            release.set()
        async with asyncio.timeout(10):
            await ended.wait()
    assert events == ["cancelled", "ran to its end"]
    await served.wait_idle()


async def test_a_half_closed_local_client_still_waits(open_server: Serve) -> None:
    release, started = asyncio.Event(), asyncio.Event()

    async def handler(_: Request) -> Response:
        started.set()
        await release.wait()
        return Response(body=b"done")

    router = Router()
    router.add("POST", "/wait", handler, cancel_on_disconnect=True)
    wire = await (await open_server(router)).connect()
    await wire.send(request("/wait", method="POST"))
    await wire.end()
    await started.wait()
    await asyncio.sleep(0.1)
    release.set()
    assert (await wire.answer("POST")).body == b"done"


async def test_a_local_client_that_leaves_after_half_closing_is_noticed(open_server: Serve) -> None:
    cancelled, started = asyncio.Event(), asyncio.Event()

    async def handler(_: Request) -> Response:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise Cancelled("unreachable")

    router = Router()
    router.add("POST", "/wait", handler, cancel_on_disconnect=True)
    served = await open_server(router)
    wire = await served.connect()
    await wire.send(request("/wait", method="POST"))
    await wire.end()
    await started.wait()
    assert not cancelled.is_set()
    wire.close()
    async with asyncio.timeout(10):
        await cancelled.wait()
    await served.wait_idle()
