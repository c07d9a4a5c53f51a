"""The daemon's own operations: who may use them, and what they answer."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
from typing import Any

from pogu.daemon.admin import AdminApi
from pogu.http import Server


class _Told:
    def __init__(self) -> None:
        self.shut_down: list[bool] = []


async def _ask(method: str, target: str) -> tuple[int, Any, list[bool]]:
    """Ask over TCP, where nobody is known to be asking."""
    told = _Told()
    server = Server(AdminApi(told.shut_down.append, lambda: {"version": "x"}))
    address = await server.listen_tcp("127.0.0.1", 0)

    def ask() -> tuple[int, Any]:
        connection = http.client.HTTPConnection(address.removeprefix("tcp://"))
        connection.request(method, target)
        answer = connection.getresponse()
        value = json.loads(answer.read())
        connection.close()
        return answer.status, value

    status, value = await asyncio.to_thread(ask)
    await server.close(1)
    return status, value, told.shut_down


async def test_strangers_may_not() -> None:
    status, value, told = await _ask("POST", "/_pogu/shutdown")
    assert (status, told) == (403, [])
    assert "Unix socket" in value["message"]
    assert (await _ask("GET", "/_pogu/debug"))[0] == 403


async def _ask_locally(tmp: str, method: str, target: str) -> tuple[int, Any, list[bool]]:
    told = _Told()
    server = Server(AdminApi(told.shut_down.append, lambda: {"version": "x"}))
    await server.listen_unix(tmp)

    def ask() -> tuple[int, Any]:
        import socket

        with socket.socket(socket.AF_UNIX) as s:
            s.connect(tmp)
            s.sendall(
                f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
            )
            data = b"".join(iter(lambda: s.recv(4096), b""))
        return int(data.split()[1]), json.loads(data.partition(b"\r\n\r\n")[2])

    status, value = await asyncio.to_thread(ask)
    await server.close(1)
    return status, value, told.shut_down


async def test_whoever_has_the_socket_may(tmp_path: Any) -> None:
    path = os.fspath(tmp_path / "s")
    assert await _ask_locally(path, "POST", "/_pogu/shutdown?containers=true") == (202, {}, [True])
    assert await _ask_locally(path, "POST", "/_pogu/shutdown") == (202, {}, [False])
    assert (await _ask_locally(path, "GET", "/_pogu/debug"))[:2] == (200, {"version": "x"})
    assert (await _ask_locally(path, "POST", "/_pogu/shutdown?containers=maybe"))[0] == 400
    assert (await _ask_locally(path, "GET", "/_pogu/nothing"))[0] == 404
    assert (await _ask_locally(path, "GET", "/_pogu/shutdown"))[0] == 404
