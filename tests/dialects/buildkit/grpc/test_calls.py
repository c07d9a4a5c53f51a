"""Calls from one end of a connection to the other, as they should go and as they should not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from pogu.dialects.buildkit.grpc import Channel, Connection, Handler, Incoming, Services
from pogu.dialects.buildkit.grpc.stream import WINDOW
from pogu.dialects.buildkit.messages.session import BytesMessage
from pogu.dialects.buildkit.protobuf import decode, encode
from pogu.errors import Cancelled, DeadlineExceeded, NotFound, PoguError, TooLarge, Unavailable, Unsupported
from tests.dialects.buildkit.wires import SocketWire, pair

ECHO = "/test.Service/Echo"


@asynccontextmanager
async def serving(methods: Mapping[str, Handler]) -> AsyncIterator[Channel]:
    here, there = await pair()
    server = asyncio.create_task(Services(methods).serve(there))
    connection = Connection(here, client_side=True)
    client = asyncio.create_task(connection.run())
    try:
        yield Channel(connection)
    finally:
        connection.close()
        async with asyncio.timeout(10):
            await asyncio.gather(client, server)


async def echo(call: Incoming) -> None:
    while messages := await call.receive():
        await call.send([decode(BytesMessage, message) for message in messages])


async def ask(channel: Channel, data: bytes = b"", path: str = ECHO, timeout: float = 10) -> bytes:
    return (await channel.unary(path, BytesMessage(data=data), BytesMessage, timeout=timeout)).data


async def test_one_question_one_answer() -> None:
    async with serving({ECHO: echo}) as channel:
        assert await ask(channel, b"hello") == b"hello"
        assert await ask(channel) == b""


async def test_many_calls_at_once_and_more_than_a_peer_allows() -> None:
    async with serving({ECHO: echo}) as channel:
        sent = [str(number).encode() for number in range(600)]
        assert await asyncio.gather(*(ask(channel, data) for data in sent)) == sent


async def test_what_is_larger_than_every_window_arrives_whole_both_ways() -> None:
    data = os.urandom(1 << 20)
    count = 3 * WINDOW // len(data)
    async with serving({ECHO: echo}) as channel, await channel.call(ECHO) as call:
        received: list[bytes] = []

        async def read() -> None:
            while messages := await call.receive():
                received.extend(decode(BytesMessage, message).data for message in messages)

        reader = asyncio.create_task(read())
        for number in range(count):
            await call.send([encode(BytesMessage(data=data))], end=number == count - 1)
        await reader
        assert received == [data] * count


async def test_a_side_that_does_not_read_stops_the_other_and_nothing_else() -> None:
    async def ignore(call: Incoming) -> None:
        await asyncio.Event().wait()

    ignored = "/test.Service/Ignore"
    async with serving({ECHO: echo, ignored: ignore}) as channel, await channel.call(ignored) as call:
        sent = 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    await call.send([bytes(1 << 20)])
                    sent += 1 << 20
        assert sent <= WINDOW
        assert await ask(channel, b"still here") == b"still here"


@pytest.mark.parametrize("error", [NotFound("secret 100% über: not found"), Unavailable("away"), PoguError("odd")])
async def test_an_error_arrives_as_it_was_raised(error: PoguError) -> None:
    async def fail(call: Incoming) -> None:
        raise error

    async with serving({ECHO: fail}) as channel:
        with pytest.raises(type(error)) as caught:
            await ask(channel)
        assert caught.value.message == error.message
        assert type(caught.value) is type(error)


async def test_an_error_after_some_answers_comes_after_them() -> None:
    async def fail(call: Incoming) -> None:
        await call.send([BytesMessage(data=b"one")])
        raise NotFound("no more")

    async with serving({ECHO: fail}) as channel, await channel.call(ECHO) as call:
        assert [decode(BytesMessage, message).data for message in await call.receive()] == [b"one"]
        with pytest.raises(NotFound, match="no more"):
            await call.receive()


async def test_what_nobody_answers() -> None:
    async with serving({}) as channel:
        with pytest.raises(Unsupported, match=r"unknown method Echo for service test\.Service"):
            await ask(channel)


async def test_a_fault_of_ours_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(call: Incoming) -> None:
        raise RuntimeError("a secret path")

    async with serving({ECHO: fail}) as channel:
        with pytest.raises(PoguError, match="internal error"):
            await ask(channel)
    assert "a secret path" in caplog.text


async def test_a_deadline_holds_on_both_sides() -> None:
    ended = asyncio.Event()

    async def slow(call: Incoming) -> None:
        assert call.timeout is not None
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with serving({ECHO: slow}) as channel:
        with pytest.raises(DeadlineExceeded):
            await ask(channel, timeout=0.2)
        async with asyncio.timeout(5):
            await ended.wait()


async def test_giving_a_call_up_cancels_it_on_the_other_side() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def slow(call: Incoming) -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with serving({ECHO: slow}) as channel:
        async with await channel.call(ECHO):
            await begun.wait()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_message_larger_than_the_limit_is_refused() -> None:
    async with serving({ECHO: echo}) as channel:
        with pytest.raises(TooLarge, match="larger than max"):
            async with await channel.call(ECHO) as call:
                await call.send([bytes(17 << 20)], end=True)
                await call.receive_rest()


async def test_a_caller_that_goes_on_after_the_end_is_told_how_it_ended() -> None:
    async def fail(call: Incoming) -> None:
        raise NotFound("not here")

    async with serving({ECHO: fail}) as channel, await channel.call(ECHO) as call:
        with pytest.raises(NotFound, match="not here"):
            while True:
                await call.send([bytes(1 << 20)])


async def test_when_the_connection_is_lost_every_call_fails_and_no_new_one_begins() -> None:
    here, there = await pair()

    async def wait(call: Incoming) -> None:
        await asyncio.Event().wait()

    server = asyncio.create_task(Services({ECHO: wait}).serve(there))
    connection = Connection(here, client_side=True)
    client = asyncio.create_task(connection.run())
    channel = Channel(connection)
    calls = [asyncio.create_task(ask(channel)) for _ in range(5)]
    await asyncio.sleep(0.1)
    there.abort()
    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.gather(server, client)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 5
    with pytest.raises(Unavailable):
        await ask(channel)
    assert connection.closed.is_set()


@pytest.mark.parametrize(
    "rubbish",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        bytes(1000),
        b"\xff" * 100,
        b"\0\0\0\4\0\0\0\0\0" + b"\0\0\1\0\0\0\0\0\1x",  # data on a stream that nobody opened
        b"\xff\xff\xff\0\0\0\0\0\1",  # a frame larger than was allowed
    ],
)
async def test_rubbish_ends_the_connection(rubbish: bytes) -> None:
    here, there = await pair()
    connection = Connection(here, client_side=True)
    client = asyncio.create_task(connection.run())
    call = asyncio.create_task(ask(Channel(connection)))
    await asyncio.sleep(0.05)
    await there.write(rubbish)
    async with asyncio.timeout(5):
        with pytest.raises(PoguError):
            await call
        await client
    await there.close()


async def test_more_than_the_window_allows_ends_the_connection() -> None:
    here, there = await pair()
    connection = Connection(here, client_side=True)
    client = asyncio.create_task(connection.run())
    call = await Channel(connection).call(ECHO)
    await there.write(b"\0\0\0\4\0\0\0\0\0")
    frame = b"\4\0\0\0\0\0\0\0\1" + bytes(256 << 10)
    drain = asyncio.create_task(_drain(there))
    try:
        for _ in range(WINDOW // (256 << 10) + 2):
            await there.write(frame)
    except OSError:
        pass
    async with asyncio.timeout(5):
        await client
        await drain
    await there.close()
    with pytest.raises(PoguError):
        while await call.receive():
            pass


async def _drain(wire: SocketWire) -> None:
    try:
        while await wire.read():
            pass
    except OSError:
        pass


async def test_a_call_that_the_other_side_breaks_off() -> None:
    async def leave(call: Incoming) -> None:
        call._stream.give_up()
        await asyncio.sleep(0.2)

    async with serving({ECHO: leave}) as channel:
        with pytest.raises(Cancelled):
            await ask(channel)
