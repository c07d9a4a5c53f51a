from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from pogu.http import Request, Response
from pogu.http.files import PIECE, FileBody
from tests.http.conftest import Serve
from tests.http.wire import request

CONTENT = os.urandom(3 * PIECE + 12_345)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    return path


def answer(path: Path, offset: int, length: int) -> Response:
    body = FileBody(os.open(path, os.O_RDONLY), offset, length)
    return Response(200, [("Content-Length", str(length))], body)


def open_descriptors(path: Path) -> int:
    return sum(os.path.realpath(link) == str(path) for link in list(Path("/proc/self/fd").iterdir()))


async def closed(path: Path) -> None:
    """Until nobody holds the file open; the server may be a moment behind its client."""
    async with asyncio.timeout(20):
        while open_descriptors(path):
            await asyncio.sleep(0.01)


async def test_a_file_and_the_next_request_on_the_same_connection(serve: Serve, content: Path) -> None:
    async def handler(_: Request) -> Response:
        return answer(content, 0, len(CONTENT))

    wire = await (await serve(handler)).connect()
    for _ in range(2):
        await wire.send(request())
        assert (await wire.answer()).body == CONTENT
    await closed(content)


@pytest.mark.parametrize(("offset", "length"), [(0, 1), (5, PIECE), (PIECE - 1, 2 * PIECE), (7, 0)])
async def test_part_of_a_file(serve: Serve, content: Path, offset: int, length: int) -> None:
    async def handler(_: Request) -> Response:
        return answer(content, offset, length)

    wire = await (await serve(handler)).connect()
    await wire.send(request())
    assert (await wire.answer()).body == CONTENT[offset : offset + length]


@pytest.mark.logs_errors
async def test_a_file_that_has_become_shorter_breaks_the_answer_off(serve: Serve, content: Path) -> None:
    async def handler(_: Request) -> Response:
        response = answer(content, 0, len(CONTENT))
        os.truncate(content, 100)
        return response

    wire = await (await serve(handler)).connect()
    await wire.send(request())
    received = await wire.read_all()
    assert received.endswith(CONTENT[:100]) and len(received) < 1000


async def test_a_client_that_leaves_frees_the_file(serve: Serve, content: Path) -> None:
    async def handler(_: Request) -> Response:
        return answer(content, 0, len(CONTENT))

    wire = await (await serve(handler)).connect()
    await wire.send(request())
    await wire.read()
    wire.writer.transport.abort()
    await closed(content)


async def test_a_head_request_gets_no_content(serve: Serve, content: Path) -> None:
    async def handler(_: Request) -> Response:
        return answer(content, 0, len(CONTENT))

    wire = await (await serve(handler)).connect()
    await wire.send(request(method="HEAD"))
    assert f"Content-Length: {len(CONTENT)}".encode() in await wire.read_until(b"\r\n\r\n")
    await closed(content)
