from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.errors import PoguError
from pogu.http import Limits
from pogu.http.parsing import MalformedRequest, RequestParser


def transcript(*pieces: bytes, limits: Limits | None = None) -> list[str]:
    """What a parser makes of these packets, one line for each thing it sees; body data is joined."""
    parser = RequestParser(limits or Limits())
    seen: list[str] = []
    body = b""
    in_body = False
    for piece in pieces:
        parser.receive(piece)
        while True:
            if not in_body:
                head = parser.next_head()
                if head is None:
                    break
                seen.append(f"{head.method} {head.target} {head.version} length={head.length} keep={head.keep_alive}")
                if head.upgrade:
                    seen.append(f"upgrade {head.upgrade}")
                in_body = True
            body += parser.next_data()
            if not parser.message_complete:
                break
            if body:
                seen.append(f"body {body.decode('latin-1')}")
            body = b""
            in_body = False
    if body:
        seen.append(f"part {body.decode('latin-1')}")
    return seen


def test_a_plain_request() -> None:
    parser = RequestParser(Limits())
    parser.receive(b"GET /x?y=1 HTTP/1.1\r\nHost: docker\r\nX-A:  b \t\r\nX-Empty:\r\n\r\nrest")
    head = parser.next_head()
    assert head is not None
    assert (head.method, head.target, head.version, head.length) == ("GET", "/x?y=1", "1.1", 0)
    assert head.headers.items() == [("host", "docker"), ("x-a", "b"), ("x-empty", "")]
    assert head.keep_alive and head.upgrade is None and not head.expects_continue
    assert parser.message_complete and parser.body_remaining == 0
    assert parser.take_rest() == b"rest" and parser.pending == 0


PIPELINE = (
    b"\r\nPOST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    b"GET /c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    b"GET /d HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    b"DELETE /e HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
)
SEEN = [
    "POST /a 1.1 length=5 keep=True",
    "body hello",
    "POST /b 1.1 length=None keep=True",
    "body abc",
    "GET /c 1.1 length=0 keep=True",
    "upgrade h2c",
    "GET /d 1.0 length=0 keep=True",
    "DELETE /e 1.1 length=0 keep=False",
]


def test_requests_sent_ahead() -> None:
    assert transcript(PIPELINE) == SEEN


def test_byte_by_byte() -> None:
    assert transcript(*(bytes([byte]) for byte in PIPELINE)) == SEEN


@given(st.lists(st.integers(0, len(PIPELINE)), max_size=12))
def test_split_anywhere_is_the_same(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(PIPELINE)]
    assert transcript(*(PIPELINE[a:b] for a, b in itertools.pairwise(bounds))) == SEEN


def test_nothing_behind_a_message_is_looked_at() -> None:
    parser = RequestParser(Limits())
    parser.receive(b"POST /attach HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}\x00\x01 not HTTP")
    head = parser.next_head()
    assert head is not None and parser.body_remaining == 2
    assert parser.next_data() == b"{}"
    assert parser.message_complete
    assert parser.take_rest() == b"\x00\x01 not HTTP"


def test_a_client_that_waits_to_be_asked() -> None:
    parser = RequestParser(Limits())
    parser.receive(b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
    head = parser.next_head()
    assert head is not None and head.expects_continue


HOST = b"Host: x\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02", 400),  # a TLS client
        (b"GET", None),
        (b"get / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"NONSENSE / HTTP/1.1\r\n", 400),
        (b"GET /\r\n\r\n", 505),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\n" + HOST + b"\n\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b" folded\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b": b\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1,1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length:\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked, identity\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Expect: tea\r\n\r\n", 417),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 300 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 300_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /" + b"a" * 300_000, 414),
    ],
)
def test_what_is_refused_and_how(data: bytes, status: int | None) -> None:
    def verdict(*pieces: bytes) -> int | None:
        try:
            transcript(*pieces)
        except MalformedRequest as error:
            return error.status
        return None

    assert verdict(data) == status
    if len(data) < 10_000:
        assert verdict(*(bytes([byte]) for byte in data)) == status
    else:
        assert verdict(*(data[i : i + 5000] for i in range(0, len(data), 5000))) == status


def test_a_sized_body_over_the_limit_is_refused_before_it_comes() -> None:
    with pytest.raises(MalformedRequest, match="larger than 3 bytes") as caught:
        transcript(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n", limits=Limits(body_bytes=3))
    assert caught.value.status == 413


def test_header_bytes_are_limited_over_many_packets() -> None:
    with pytest.raises(MalformedRequest) as caught:
        transcript(b"GET / HTTP/1.1\r\n", *[b"A: b\r\n"] * 20, limits=Limits(header_bytes=100))
    assert caught.value.status == 431


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_random_bytes_are_refused_or_waited_for(pieces: list[bytes]) -> None:
    try:
        transcript(*pieces)
    except PoguError:
        pass


@given(st.integers(0, len(PIPELINE) - 1), st.binary(min_size=1, max_size=3))
def test_a_damaged_request_is_refused_or_another_request(position: int, damage: bytes) -> None:
    data = PIPELINE[:position] + damage + PIPELINE[position + len(damage) :]
    try:
        transcript(data)
    except PoguError:
        pass
