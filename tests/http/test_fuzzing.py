"""The whole server against bytes nobody meant: it answers, refuses or closes, and stays whole."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pogu.http import Limits, Request, Response, Router, Server
from tests.http.wire import Wire, request

fuzzed = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


async def echo(asked: Request) -> Response:
    return Response(headers=[("X-Name", asked.params.get("name", ""))], body=await asked.read_body())


async def stream(asked: Request) -> Response:
    return Response(body=asked.stream_body())


async def raw(asked: Request) -> None:
    taken = await asked.take_over()
    while data := await taken.read():
        await taken.write(data)


Talk = Callable[[list[bytes]], bytes]


@pytest.fixture(scope="module")
def talk() -> Iterator[Talk]:
    """Send packets to one long-lived server, end, and return all it says."""
    router = Router()
    router.add("POST", "/echo", echo)
    router.add("GET", "/echo", echo)
    router.add("POST", "/stream", stream)
    router.add("POST", "/raw", raw)
    router.add("GET", "/named/{name}", echo, cancel_on_disconnect=True)
    with asyncio.Runner() as runner:
        server = Server(router, Limits(header_bytes=4096, body_bytes=1000, linger_seconds=1))
        port = int(runner.run(server.listen_tcp("127.0.0.1", 0)).rpartition(":")[2])

        async def exchange(packets: list[bytes]) -> bytes:
            wire = Wire(*await asyncio.open_connection("127.0.0.1", port))
            try:
                for packet in packets:
                    await wire.send(packet)
                    await asyncio.sleep(0)
                await wire.end()
                return await wire.read_all()
            except ConnectionError:
                return b""
            finally:
                wire.close()

        yield lambda packets: runner.run(exchange(packets))
        runner.run(server.close(5))
        assert server.connections == 0


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


VALID = (
    request("/echo", method="POST", body=b"one")
    + request("/named/%2Fa%20b?x=1")
    + request("/stream", "Transfer-Encoding: chunked", method="POST")
    + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    + request("/nowhere", "Connection: keep-alive, Upgrade", "Upgrade: h2c")
    + request("/raw", "Connection: Upgrade", "Upgrade: tcp", method="POST")
    + b"raw \x00 bytes"
)


def without_dates(answers: bytes) -> bytes:
    # The pieces of a streamed answer follow the packets; what they say together does not.
    answers = re.sub(rb"Date: [^\r]*\r\n", b"", answers)
    head, _, rest = answers.partition(b"Transfer-Encoding: chunked\r\n")
    return head + re.sub(rb"(?<![\w.])[0-9a-f]+\r\n([a-e]+)\r\n", rb"\1", rest)


@fuzzed
@given(cuts=st.lists(st.integers(0, len(VALID)), max_size=8))
def test_requests_split_anywhere_have_the_same_answers(talk: Talk, cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(VALID)]
    answers = talk([VALID[a:b] for a, b in itertools.pairwise(bounds) if a < b])
    assert statuses(answers) == [200, 200, 200, 404, 101]
    assert without_dates(answers) == without_dates(talk([VALID]))
    assert answers.endswith(b"\r\n\r\nraw \x00 bytes")


@fuzzed
@given(packets=st.lists(st.binary(min_size=1, max_size=100), max_size=5))
def test_random_bytes(talk: Talk, packets: list[bytes]) -> None:
    assert set(statuses(talk(packets))) <= {400, 505}


TOKENS = st.sampled_from(
    [
        b"GET ", b"POST ", b"/echo", b"/stream", b"/raw", b"/named/x", b"http://x/echo", b"*", b"?a=%zz&b",
        b"%00", b"%ff",
        b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/9.9\r\n", b"Host: x\r\n",
        b"Connection: close\r\n", b"Connection: upgrade\r\n",
        b"Upgrade: websocket\r\n", b"Upgrade: tcp\r\n", b"Content-Length: 3\r\n", b"Content-Length: 5000\r\n",
        b"Content-Length: x\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: br\r\n",
        b"Expect: 100-continue\r\n", b"Expect: 200-ok\r\n", b"X: \xff\xfe\r\n", b"X: " + b"y" * 5000 + b"\r\n",
        b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"abc", b"3\r\nabc\r\n", b"0\r\n\r\n", b"ffffffff\r\n",
    ]
)  # fmt: skip


@settings(fuzzed, max_examples=200)
@given(pieces=st.lists(TOKENS, max_size=25))
def test_pieces_of_requests_in_any_order(talk: Talk, pieces: list[bytes]) -> None:
    allowed = {100, 101, 200, 400, 404, 405, 413, 414, 417, 431, 501, 505}
    assert set(statuses(talk([b"".join(pieces)]))) <= allowed


@fuzzed
@given(position=st.integers(0, len(VALID) - 1), damage=st.binary(max_size=4), dropped=st.integers(0, 4))
def test_damaged_requests(talk: Talk, position: int, damage: bytes, dropped: int) -> None:
    answers = talk([VALID[:position] + damage + VALID[position + dropped :]])
    assert not [status for status in statuses(answers) if status >= 500 and status not in (501, 505)]


@fuzzed
@given(at=st.integers(0, len(VALID)))
def test_requests_cut_off_anywhere(talk: Talk, at: int) -> None:
    expected = [200, 200, 200, 404, 101]
    seen = statuses(talk([VALID[:at]] if at else []))
    assert seen[: len(expected)] == expected[: len(seen)] or seen[-1] == 400
