"""Requests are counted by noun, method and status; what follows something is not in the latencies."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from pathlib import Path

import pytest

from pogu.daemon.traffic import BUCKETS, Traffic, route_class
from pogu.http import Request, Response, Server


@pytest.mark.parametrize(
    ("path", "noun"),
    [
        ("/v1.50/containers/json", "containers"),
        ("/containers/abc/start", "containers"),
        ("/_ping", "_ping"),
        ("/v1.24/images/a/b/json", "images"),
        ("/secret-name-of-somebody", "other"),
        ("/", "other"),
        ("", "other"),
        ("/v1.50", "other"),
    ],
)
def test_route_classes_are_few(path: str, noun: str) -> None:
    assert route_class(path) == noun


async def _handler(request: Request) -> Response | None:
    if request.path == "/containers/json":
        return Response(200, [], b"[]")
    if request.path == "/events":

        async def body():  # type: ignore[no-untyped-def]
            yield b"{}"

        return Response(200, [], body())
    raise ValueError("broken")


async def test_counts() -> None:
    traffic = Traffic(_handler)
    server = Server(traffic)
    with tempfile.TemporaryDirectory(prefix="pt") as folder:
        path = Path(folder) / "s"
        await server.listen_unix(path)
        for target in ("/containers/json", "/containers/json", "/events", "/images/x"):
            await asyncio.to_thread(_get, path, target)
        await server.close(1)
    assert traffic.requests["containers", "GET", 200] == 2
    assert traffic.requests["events", "GET", 200] == 1
    assert traffic.requests["images", "GET", 500] == 1
    assert traffic.in_flight == 0
    assert sum(traffic.latencies["containers", "GET"]) == 2
    assert len(traffic.latencies["containers", "GET"]) == len(BUCKETS) + 1
    assert ("events", "GET") not in traffic.latencies


def _get(path: Path, target: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(os.fspath(path))
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: s.recv(4096), b""))
