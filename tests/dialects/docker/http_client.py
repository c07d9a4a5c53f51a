"""A plain HTTP client for a local socket: what goes over the wire, without a library's opinions."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from pogu.dialects.docker.frames import FrameReader


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self._path))


@dataclass
class Answer:
    """A whole answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json["message"])

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines() if line.strip()]

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        return FrameReader().feed(self.body)


class Client:
    """Talks to one socket; `version` is put before every path."""

    def __init__(self, path: Path, version: str = "1.50") -> None:
        self.path, self.version = path, version

    def at(self, version: str) -> Client:
        """The same server, spoken to in another version; "" leaves the version out."""
        return Client(self.path, version)

    def _target(self, path: str, query: dict[str, Any]) -> str:
        prefix = f"/v{self.version}" if self.version else ""
        fields = {k: json.dumps(v) if isinstance(v, dict) else v for k, v in query.items()}
        return quote(f"{prefix}{path}", safe="/:%@") + (f"?{urlencode(fields, doseq=True)}" if fields else "")

    def call(
        self, method: str, target: str, body: Any = None, /, *, headers: dict[str, str] | None = None, **query: Any
    ) -> Answer:
        """Send a request and read the whole answer. A body that is no bytes is sent as JSON."""
        sent = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = _Connection(self.path)
        try:
            connection.request(method, self._target(target, query), body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, /, **query: Any) -> Answer:
        return self.call("GET", path, **query)

    def post(self, path: str, body: Any = None, /, **query: Any) -> Answer:
        return self.call("POST", path, body, **query)

    def delete(self, path: str, /, **query: Any) -> Answer:
        return self.call("DELETE", path, **query)

    @contextlib.contextmanager
    def stream(self, method: str, path: str, body: Any = None, /, **query: Any) -> Iterator[http.client.HTTPResponse]:
        """Send a request and give the answer as soon as its header is there."""
        connection = _Connection(self.path)
        headers = {}
        if body is not None and not isinstance(body, bytes):
            body, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
        try:
            connection.request(method, self._target(path, query), body, headers)
            yield connection.getresponse()
        finally:
            connection.close()

    @contextlib.contextmanager
    def upgrade(self, path: str, body: Any = None, /, **query: Any) -> Iterator[tuple[dict[str, str], socket.socket]]:
        """Ask for a connection to be handed over; gives the header fields of the 101 answer and the bare socket."""
        data = b"" if body is None else json.dumps(body).encode()
        head = (
            f"POST {self._target(path, query)} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(60)
            sock.connect(str(self.path))
            sock.sendall(head.encode() + data)
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                piece = sock.recv(1)
                assert piece, f"the connection ended in the header: {answer!r}"
                answer += piece
            status, *lines = answer.decode().split("\r\n")
            assert status.split()[1] == "101", answer
            yield {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines if line)}, sock


def read_all(sock: socket.socket) -> bytes:
    """Return all that comes until the other side ends."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data
