"""Connections that are taken over, and answers without an end: any bytes, closed at any moment, by many at once."""

from __future__ import annotations

import base64
import contextlib
import os
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.dialects.docker.fuzz.ground import Ground
from tests.dialects.docker.fuzz.offers import PATIENT

pytestmark = [pytest.mark.xdist_group("fuzz"), pytest.mark.soak, pytest.mark.timeout(600)]

Soak = Callable[[float, float], float]
ECHO = ["cat"]
ENDS = ("close", "reset", "half", "linger")
KEYS = b"\x10\x11"  # ctrl-p,ctrl-q: detaches


def rubbish(rng: random.Random) -> bytes:
    """Return bytes such as might come on a taken connection."""
    return rng.choice((
        b"", b"\n", b"hello\n", b"\x04", b"\x03", b"\x1a", KEYS, KEYS[:1], b"\x00" * 8, b"exit\n", b"\r\n",
        rng.randbytes(rng.randrange(300)), b"x" * 100_000, b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n",
        struct.pack(">BxxxI", rng.randrange(256), 2**32 - 1),
        "日本🐙".encode(), b"\xff\xfe", b"\x1b[2J\x1b]0;x\x07", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n",
    ))  # fmt: skip


def frame(rng: random.Random) -> bytes:
    """Return a WebSocket frame, most often a correct one (RFC 6455, 5.2)."""
    data = rubbish(rng)[: rng.choice((10, 125, 126, 70_000))]
    first = rng.choice((0x81, 0x82, 0x82, 0x82, 0x88, 0x89, 0x8A, 0x01, 0x00, 0x80, 0x83, 0xC2, 0xFF, 0x02))
    mask = os.urandom(4)
    length = (
        bytes([0x80 | len(data)]) if len(data) < 126
        else b"\xfe" + struct.pack(">H", len(data)) if len(data) < 65536
        else b"\xff" + struct.pack(">Q", len(data))
    )  # fmt: skip
    masked = bytes(b ^ mask[i % 4] for i, b in enumerate(data))
    return rng.choice((
        *(bytes([first]) + length + mask + masked for _ in range(3)),
        bytes([first, len(data) & 0x7D]) + data,  # not masked
        bytes([first]) + b"\xff" + b"\xff" * 8 + mask,  # a length beyond all
        rng.randbytes(50),
    ))  # fmt: skip


def drain(sock: socket.socket, seconds: float) -> bytes:
    """Return what comes within that time."""
    end, data = time.monotonic() + seconds, b""
    while (left := end - time.monotonic()) > 0 and len(data) < 1 << 20:
        sock.settimeout(left)
        try:
            piece = sock.recv(65536)
        except (TimeoutError, ConnectionResetError):
            break
        if not piece:
            break
        data += piece
    return data


def end(rng: random.Random, sock: socket.socket) -> None:
    """Leave a connection in one of the ways in which clients leave."""
    with contextlib.suppress(OSError):
        match rng.choice(ENDS):
            case "reset":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case "half":
                sock.shutdown(socket.SHUT_WR)
                drain(sock, 0.05)
            case "linger":
                drain(sock, 0.05)


class Streamer:
    """Makes connections of one kind after another, and leaves them."""

    def __init__(self, ground: Ground, seed: object) -> None:
        self._ground, self._rng = ground, random.Random(str(seed))
        self.answers: Counter[str] = Counter()
        self.failures: list[str] = []

    def attach(self) -> None:
        rng, name = self._rng, self._rng.choice(("echo", "echotty", "running", "terminal", "ended", "paused"))
        flags = "&".join(f"{k}={rng.choice('01')}" for k in ("logs", "stream", "stdin", "stdout", "stderr"))
        keys = rng.choice(("", "", "&detachKeys=a", "&detachKeys=ctrl-c", "&detachKeys=x,y,z"))
        self._raw(f"/containers/{name}/attach?{flags}{keys}", b"")

    def exec(self) -> None:
        rng = self._rng
        command = rng.choice((ECHO, ECHO, ["sh"], ["true"], ["nosuch"], ["sh", "-c", "yes | head -c 300000"], PATIENT))
        wanted = {
            "Cmd": command,
            **{k: rng.random() < 0.7 for k in ("Tty", "AttachStdin", "AttachStdout", "AttachStderr")},
        }
        made = self._ground.api.post("/containers/running/exec", wanted)
        if made.status != 201:
            self.answers[f"exec {made.status}"] += 1
            return
        body = rng.choice(
            (b"{}", b'{"Tty":true}', b'{"Detach":true}', b"", b"[]", b'{"ConsoleSize":[24,80],"Tty":true}')
        )
        self._raw(f"/exec/{made.json['Id']}/start", body)

    def websocket(self) -> None:
        rng, name = self._rng, self._rng.choice(("echo", "echotty", "running", "ended"))
        flags = "&".join(f"{k}={rng.choice('011')}" for k in ("logs", "stream", "stdin", "stdout", "stderr"))
        key = rng.choice((base64.b64encode(rng.randbytes(16)).decode(), "", "x"))
        version = rng.choice(("13", "13", "13", "8", "x"))
        head = (
            f"GET /v1.50/containers/{name}/attach/ws?{flags} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: {version}\r\n\r\n"
        )
        self._talk(head.encode(), frame)

    def endless(self) -> None:
        path = self._rng.choice(
            (
                "/events",
                "/events?since=0",
                "/containers/echo/logs?follow=1&stdout=1&stderr=1",
                "/containers/running/logs?follow=1&stdout=1&timestamps=1",
                "/containers/running/stats",
                "/containers/paused/stats?stream=1",
            )
        )
        self._talk(f"GET /v1.50{path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), lambda _: b"")

    def wait(self) -> None:
        name = self._rng.choice(("running", "echo", "ended", "stopped"))
        condition = self._rng.choice(("not-running", "next-exit", "removed"))
        head = f"POST /v1.50/containers/{name}/wait?condition={condition} HTTP/1.1\r\nHost: x\r\n\r\n"
        self._talk(head.encode(), lambda _: b"")

    def _raw(self, path: str, body: bytes) -> None:
        upgrade = self._rng.choice(
            ("Connection: Upgrade\r\nUpgrade: tcp\r\n", "", "Upgrade: h2c\r\nConnection: Upgrade\r\n")
        )
        framing = self._rng.choice((f"Content-Length: {len(body)}\r\n", "Transfer-Encoding: chunked\r\n"))
        sent = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if "chunked" in framing and body else body
        if "chunked" in framing and not body:
            sent = self._rng.choice((b"0\r\n\r\n", b""))  # dockerode never ends the body of an attach
        head = f"POST /v1.50{path} HTTP/1.1\r\nHost: x\r\n{upgrade}Content-Type: application/json\r\n{framing}\r\n"
        self._talk(head.encode() + sent, rubbish)

    def _talk(self, head: bytes, say: Callable[[random.Random], bytes]) -> None:
        rng = self._rng
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(30)
            sock.connect(str(self._ground.socket))
            with contextlib.suppress(OSError):
                sock.sendall(head)
                for _ in range(rng.randrange(4)):
                    sock.settimeout(1)  # who sends without reading may be made to wait
                    sock.sendall(say(rng))
            answer = drain(sock, 0.1)
            end(rng, sock)
        status = answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/1.1 ") else "none"
        self.answers[f"{head.split(b'?')[0].split(b' HTTP')[0].decode()} {status}"] += 1
        if status.startswith("5"):
            self.failures.append(f"{head!r}\n{answer!r:.2000}")


@pytest.fixture
def talkers(ground: Ground) -> Any:
    """Containers that give back what they are told."""
    for name, tty in (("echo", False), ("echotty", True)):
        body = {"Image": "busybox", "Cmd": ECHO, "OpenStdin": True, "Tty": tty}
        assert ground.api.post("/containers/create", body, name=name).status == 201
        assert ground.api.post(f"/containers/{name}/start").status == 204
    yield
    for name in ("echo", "echotty"):
        ground.api.delete(f"/containers/{name}", force="1")


def in_crowd(streamer: Streamer, kinds: tuple[Callable[[], None], ...], number: int, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(number):
        try:
            rng.choice(kinds)()
        except Exception as e:
            streamer.failures.append(repr(e))


@pytest.mark.usefixtures("talkers")
def test_streams_stand_anything(ground: Ground, soak: Soak, evidence: Callable[..., None]) -> None:
    before = len(ground.daemon.descriptors())
    streamers = [Streamer(ground, seed) for seed in range(4)]
    threads = []
    for seed, s in enumerate(streamers):
        kinds = (s.attach, s.exec, s.websocket, s.endless, s.wait)
        threads.append(threading.Thread(target=in_crowd, args=(s, kinds, int(soak(12, 100)), seed)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers = sum((s.answers for s in streamers), Counter())
    evidence(answers=dict(sorted(answers.items())))
    assert [f for s in streamers for f in s.failures] == []
    assert ground.api.get("/containers/echo/json").status == 200
    for name in ("running", "echo", "echotty"):  # processes with terminals outlive their clients, until this
        assert ground.api.delete(f"/containers/{name}", force="1").status == 204
    until = time.monotonic() + 30
    while len(ground.daemon.descriptors()) > before + 20:
        assert time.monotonic() < until, ground.daemon.descriptors()
        time.sleep(0.2)
