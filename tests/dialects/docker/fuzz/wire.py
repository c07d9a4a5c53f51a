"""Requests sent as bytes, and answers read with patience that ends."""

from __future__ import annotations

import contextlib
import http.client
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from tests.dialects.docker.fuzz.making import Made

PATIENCE = 60.0  # seconds; what has not begun to answer by then hangs
BODY_LIMIT = 8 << 20  # bytes of an answer that are read


@dataclass
class Reply:
    """An answer as far as it was read; `whole` is false where reading was given up."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    whole: bool
    seconds: float

    def __str__(self) -> str:
        return f"{self.status} {self.headers.get('Content-Type')} whole={self.whole} {self.body!r:.2000}"


class Hang(AssertionError):
    """No answer came in time."""


def encode(made: Made) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{made.method} ".encode() + made.target + b" HTTP/1.1"]
    named = {name.lower() for name, _ in made.headers}
    if "host" not in named:
        lines.append(b"Host: docker")
    lines += [f"{name}: {value}".encode("latin-1") for name, value in made.headers]
    if made.body is None:
        return b"\r\n".join((*lines, b"", b""))
    if not made.chunked:
        lines.append(b"Content-Length: %d" % len(made.body))
        return b"\r\n".join((*lines, b"", made.body))
    lines.append(b"Transfer-Encoding: chunked")
    pieces = [made.body[i : i + 9000] for i in range(0, len(made.body), 9000)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"\r\n".join((*lines, b"", chunks + b"0\r\n\r\n"))


def ask(path: Path, made: Made, *, header: float = PATIENCE, linger: float = PATIENCE) -> Reply | None:
    """Send a request; wait `header` seconds for an answer to begin and `linger` for it to end.

    None means that the server closed without an answer.
    """
    begun = time.monotonic()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(header)
        sock.connect(str(path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may answer before it has read all
            sock.sendall(encode(made))
        answer = http.client.HTTPResponse(sock, method=made.method)
        try:
            answer.begin()
        except TimeoutError:
            raise Hang(f"no answer within {header} s: {made}") from None
        except (http.client.RemoteDisconnected, ConnectionResetError):
            return None
        try:
            body, whole = _read(sock, answer, begun + linger) if answer.status != 101 else (b"", False)
            return Reply(answer.status, answer.headers, body, whole, time.monotonic() - begun)
        finally:
            answer.close()


def _read(sock: socket.socket, answer: http.client.HTTPResponse, end: float) -> tuple[bytes, bool]:
    body = b""
    while len(body) < BODY_LIMIT:
        sock.settimeout(max(end - time.monotonic(), 0.001))
        try:
            piece = answer.read1(65536)
        except TimeoutError:
            return body, False
        except (http.client.HTTPException, ConnectionResetError):
            return body, False
        if not piece:
            return body, True
        body += piece
    return body, False
