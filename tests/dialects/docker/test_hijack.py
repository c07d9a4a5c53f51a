"""The carriage of streams over a real server on a local socket; the container at the end is a process that echoes."""

import asyncio
import tempfile
from pathlib import Path

import pytest

from pogu.dialects.docker.call import Call
from pogu.dialects.docker.frames import STDERR, STDOUT, FrameReader
from pogu.dialects.docker.hijack import carry, report_failure, take_over
from pogu.http import Server


class Shout:
    """A process that writes every line back in capitals, and what it was told at the end of its input."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.closed = asyncio.Event()
        self.ended = asyncio.Event()
        self.queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self.output = self._output()

    async def _output(self):
        while (item := await self.queue.get()) is not None:
            yield item

    async def write(self, data: bytes) -> None:
        if data == b"broken":
            raise BrokenPipeError
        self.received += data
        self.queue.put_nowait((STDOUT, data.upper()))

    async def close_stdin(self) -> None:
        self.ended.set()
        self.queue.put_nowait((STDERR, b"bye"))
        self.queue.put_nowait(None)

    async def close(self) -> None:
        self.closed.set()


@pytest.fixture
async def serve():
    """Return a function that serves one handler and connects to it."""
    servers = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s"

        async def start(handler):
            server = Server(handler)
            servers.append(server)
            await server.listen_unix(path)
            return await asyncio.open_unix_connection(path)

        yield start
        for server in servers:
            await server.close(0)


def attached(session, multiplexed=True, stdin=True, version=(1, 50)):
    async def handler(request):
        line = await take_over(Call(request, version), multiplexed)
        await carry(line, session, multiplexed=multiplexed, stdin=stdin)

    return handler


UPGRADE = b"POST /attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
PLAIN = b"POST /attach HTTP/1.1\r\nHost: x\r\n\r\n"


async def answer(reader):
    return (await reader.readuntil(b"\r\n\r\n")).decode()


async def test_an_upgrade_is_answered_101_and_carries_frames(serve):
    session = Shout()
    reader, writer = await serve(attached(session))
    writer.write(UPGRADE + b"early ")  # what comes with the request belongs to the stream
    head = await answer(reader)
    assert head.startswith("HTTP/1.1 101 ")
    assert "Content-Type: application/vnd.docker.multiplexed-stream\r\n" in head
    assert "Upgrade: tcp\r\n" in head
    writer.write(b"late")
    writer.write_eof()
    frames = FrameReader().feed(await reader.read())
    assert b"".join(data for stream, data in frames if stream == STDOUT) == b"EARLY LATE"
    assert frames[-1] == (STDERR, b"bye")
    assert bytes(session.received) == b"early late"
    await session.closed.wait()
    writer.close()


async def test_before_1_42_the_type_is_raw_though_it_is_framed(serve):
    reader, writer = await serve(attached(Shout(), version=(1, 41)))
    writer.write(UPGRADE)
    assert "Content-Type: application/vnd.docker.raw-stream\r\n" in await answer(reader)
    writer.close()


async def test_without_an_upgrade_the_answer_is_200(serve):
    reader, writer = await serve(attached(Shout(), multiplexed=False))
    writer.write(PLAIN)
    head = await answer(reader)
    assert head.startswith("HTTP/1.1 200 ")
    assert "raw-stream" in head
    assert "chunked" not in head
    writer.write(b"hello")
    writer.write_eof()
    assert await reader.read() == b"HELLObye"
    writer.close()


async def test_input_that_is_not_wanted_is_thrown_away(serve):
    session = Shout()
    reader, writer = await serve(attached(session, multiplexed=False, stdin=False))
    writer.write(PLAIN)
    await answer(reader)
    writer.write(b"ignored")
    writer.write_eof()
    session.queue.put_nowait((STDOUT, b"output"))
    session.queue.put_nowait(None)
    assert await reader.read() == b"output"
    assert not session.received
    assert not session.ended.is_set()
    writer.close()


async def test_a_client_that_goes_away_lets_the_session_go(serve):
    session = Shout()
    reader, writer = await serve(attached(session, stdin=False))
    writer.write(UPGRADE)
    await answer(reader)
    writer.close()
    await asyncio.wait_for(session.closed.wait(), 10)


async def test_a_process_that_no_longer_reads_still_writes(serve):
    session = Shout()
    reader, writer = await serve(attached(session, multiplexed=False))
    writer.write(PLAIN)
    await answer(reader)
    writer.write(b"broken")
    session.queue.put_nowait((STDOUT, b"still here"))
    assert await reader.readexactly(10) == b"still here"
    writer.write(b"more")
    session.queue.put_nowait(None)
    assert await reader.read() == b""
    writer.close()


async def test_much_output_arrives_whole(serve):
    session = Shout()
    reader, writer = await serve(attached(session))
    writer.write(UPGRADE)
    await answer(reader)
    for n in range(64):
        session.queue.put_nowait((STDOUT, bytes([n]) * 65536))
    session.queue.put_nowait(None)
    frames = FrameReader().feed(await reader.read())
    assert [data[0] for _, data in frames] == list(range(64))
    assert all(len(data) == 65536 for _, data in frames)
    writer.close()


async def test_a_failure_after_the_answer_is_told_in_the_stream(serve):
    async def handler(request):
        line = await take_over(Call(request, (1, 50)), True)
        await report_failure(line, "no such file", True)

    reader, writer = await serve(handler)
    writer.write(UPGRADE)
    await answer(reader)
    assert FrameReader().feed(await reader.read()) == [(STDOUT, b"no such file\r\n")]
    writer.close()
