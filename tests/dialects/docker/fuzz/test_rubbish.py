"""What is hardly HTTP, sent to the daemon's own socket: refused or dropped, and the next request is answered."""

# ruff: noqa: E501  # requests read better in long lines

from __future__ import annotations

import contextlib
import random
import socket
from collections import Counter
from collections.abc import Callable

import pytest

from tests.dialects.docker.fuzz.ground import Ground
from tests.dialects.docker.fuzz.test_streams import drain, end

pytestmark = [pytest.mark.xdist_group("fuzz"), pytest.mark.soak, pytest.mark.timeout(600)]

PING = b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"
CREATE = b'POST /v1.50/containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"Image":"busybox"} '
SEEDS = (
    PING, PING + PING, CREATE, b"GET http://x/_ping HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /_ping HTTP/1.0\r\n\r\n", b"GET /_ping\r\n",
    b"GET /_ping HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\nHost: x\r\n\r\n0\r\n\r\n",
    b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}   \r\n0\r\n\r\n",
    b"POST /volumes/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}", b"\x16\x03\x01\x02\x00\x01\x00\x01",
    b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nx", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"DELETE /v1.50/containers/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD /v1.50/containers/running/archive?path=/ HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n\r\n\r\n" + PING, b"\x00" * 300, b"GET " + b"/a" * 70_000,
    b"GET /_ping HTTP/1.1\r\n" + b"X: y\r\n" * 20_000, b"GET /_ping HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000, b"GET /_ping HTTP/1.1\nHost: x\n\n",
    b"GET /containers/json?filters=%7B%22label%22%3A%5B%22%ff%22%5D%7D HTTP/1.1\r\nHost: x\r\n\r\n", b"get /_ping HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n",
    b"POST /grpc HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"GET //_ping HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /session HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /_ping HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
)  # fmt: skip


def mutated(rng: random.Random) -> bytes:
    """Return a seed with bytes changed, cut, doubled or spliced into another."""
    data = bytearray(rng.choice(SEEDS))
    for _ in range(rng.choice((0, 1, 1, 2, 8))):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(6):
            case 0:
                data[at:at] = rng.choice(
                    (b"\r\n", b"\n", b"\x00", b" ", b":", b"\xff", b"\r", b"\t", b"%", b";", b"\x7f")
                )
            case 1:
                del data[at : at + rng.randrange(1, 20)]
            case 2:
                data[at : at + 1] = rng.randbytes(1)
            case 3:
                data[at:at] = data[: rng.randrange(min(len(data), 200) + 1)]
            case 4:
                del data[at:]
            case 5:
                data += rng.choice(SEEDS)[:5000]
    return bytes(data)


def test_rubbish_is_refused(
    ground: Ground, soak: Callable[[float, float], float], evidence: Callable[..., None]
) -> None:
    rng, answers = random.Random(0), Counter[str]()
    for number in range(int(soak(150, 20_000))):
        data = mutated(rng)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(ground.socket))
            with contextlib.suppress(OSError):
                sock.sendall(data)
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)  # an unfinished request ends here
            answer = drain(sock, 5)
            end(rng, sock)
        status = answer.split(b" ", 2)[1].decode() if answer.startswith(b"HTTP/1.") else "none"
        answers[status] += 1
        assert answer == b"" or status != "none", (data, answer)
        assert status not in ("500", "502", "504"), (data, answer)
        if number % 50 == 0:
            assert ground.api.get("/_ping").body == b"OK"
    evidence(answers=dict(answers))
    assert answers["400"] > answers.total() / 10
