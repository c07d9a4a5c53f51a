"""The client against the real server: bodies both ways, errors, streams, take-over."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from pogu.cli.client import ApiError, CannotConnect, Client
from pogu.cli.target import Target
from pogu.http import Request, Response, Server


async def _echo(request: Request) -> Response | None:
    if request.path.endswith("/stream"):
        return Response(200, [("Content-Type", "application/json")], _objects())
    if request.path.endswith("/hijack"):
        raw = await request.take_over(headers=[("Content-Type", "application/vnd.docker.raw-stream")])
        await raw.write(b"hello ")
        while data := await raw.read():
            await raw.write(data.upper())
        await raw.write(b" bye")
        await raw.close()
        return None
    if request.path.endswith("/missing"):
        return Response(404, [("Content-Type", "application/json")], b'{"message": "No such container: x"}')
    if request.path.endswith("/plain"):
        return Response(500, [], b"broken")
    if request.path.endswith("/back"):
        return Response(200, [], await request.read_body())
    if request.path.endswith("/empty"):
        return Response(204)
    body = await request.read_body()
    seen = {"method": request.method, "target": request.raw_target, "type": request.headers.get("content-type"),
            "body": body.decode(), "chunked": "transfer-encoding" in request.headers}  # fmt: skip
    return Response(200, [("X-Seen", "1")], json.dumps(seen).encode())


async def _objects() -> AsyncIterator[bytes]:
    yield b'{"a": 1}\n{"b"'
    await asyncio.sleep(0)
    yield b': "\xc3'
    yield b'\xa9"}\r\n'


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A client of a server that runs in a thread of its own."""
    path = os.fspath(tmp_path / "s")
    loop = asyncio.new_event_loop()
    server = Server(_echo)
    started = threading.Event()

    async def start() -> None:
        await server.listen_unix(path)
        started.set()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    yield Client(Target(f"unix://{path}", path=path))
    asyncio.run_coroutine_threadsafe(server.close(1), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_json_and_queries(client: Client) -> None:
    seen = client.post("/x", {"a": [1]}, yes=True, no=False, none=None, many=["a", "b c"], filters={"k": ["v"]})
    assert seen["target"] == "/v1.50/x?yes=1&no=0&many=a&many=b%20c&filters=%7B%22k%22%3A%20%5B%22v%22%5D%7D"
    assert (seen["method"], seen["type"], json.loads(seen["body"])) == ("POST", "application/json", {"a": [1]})
    assert client.get("/x")["body"] == ""
    assert client.get("/_own/x")["target"] == "/_own/x"
    assert client.delete("/empty") is None


def test_a_body_of_pieces_is_chunked(client: Client) -> None:
    seen = client.request("PUT", "/x", body=iter([b"ab", b"", b"c" * 100_000])).json()
    assert seen["chunked"]
    assert len(seen["body"]) == 100_002
    assert seen["type"] == "application/x-tar"


def test_errors(client: Client) -> None:
    with pytest.raises(ApiError) as e:
        client.get("/missing")
    assert (e.value.status, e.value.detail) == (404, "No such container: x")
    assert e.value.message == "Error response from daemon: No such container: x"
    with pytest.raises(ApiError, match="broken"):
        client.get("/plain")


def test_a_stream_of_objects(client: Client) -> None:
    assert list(client.request("GET", "/stream").json_lines()) == [{"a": 1}, {"b": "é"}]


def test_head_has_headers_only(client: Client) -> None:
    reply = client.request("HEAD", "/x")
    assert (reply.headers["x-seen"], reply.read()) == ("1", b"")


def test_take_over(client: Client) -> None:
    raw = client.take_over("/hijack", body={"Tty": True})
    assert raw.content_type == "application/vnd.docker.raw-stream"
    raw.write(b"abc")
    raw.end_input()
    data: Any = b"".join(iter(raw.read, b""))
    raw.close()
    assert data == b"hello ABC bye"


def test_nobody_there(tmp_path: Path) -> None:
    for target in (Target("unix:///x", path=str(tmp_path / "none")), Target("tcp://x", address="127.0.0.1", port=1)):
        with pytest.raises(CannotConnect, match="Start it with `pogu up`"):
            Client(target).get("/x")
