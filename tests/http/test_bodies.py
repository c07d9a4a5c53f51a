from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.errors import InvalidArgument, PoguError, TooLarge
from pogu.http.bodies import MAX_CHUNK_HEADER, MAX_TRAILER, BodyDecoder, ChunkedBody, SizedBody


def feed(body: BodyDecoder, *pieces: bytes) -> tuple[bytes, bytes]:
    """What comes out altogether, and what is left."""
    decoded, rest = b"", b""
    for piece in pieces:
        if body.complete:
            rest += piece
        else:
            more, rest = body.decode(rest + piece)
            decoded += more
    return decoded, rest


def test_a_sized_body_ends_where_it_says() -> None:
    body = SizedBody(5)
    assert feed(body, b"he") == (b"he", b"")
    assert body.remaining == 3 and not body.complete
    assert feed(body, b"lloGET /") == (b"llo", b"GET /")
    assert body.complete and body.remaining == 0


def test_an_empty_sized_body_is_complete() -> None:
    assert SizedBody(0).complete


CHUNKED = b'4\r\nWiki\r\nA;name="a \xff"\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n'


def test_chunks_extensions_and_trailers() -> None:
    body = ChunkedBody()
    assert feed(body, CHUNKED + b"next") == (b"Wiki0123456789", b"next")
    assert body.complete


@given(st.lists(st.integers(0, len(CHUNKED)), max_size=20))
def test_chunked_split_anywhere_is_the_same(cuts: list[int]) -> None:
    bounds = [0, *sorted(cuts), len(CHUNKED)]
    body = ChunkedBody()
    pieces = [CHUNKED[a:b] for a, b in itertools.pairwise(bounds)]
    assert feed(body, *pieces) == (b"Wiki0123456789", b"")
    assert body.complete


@pytest.mark.parametrize(
    "bad",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\na\r\n",
        b"0x1\r\na\r\n",
        b"1\na\r\n",
        b"1\r\nab\r\n",
        b"1\r\na\nx",
        b"1 1\r\na\r\n",
        b"11111111111111111\r\n",
        b"1;a\x00b\r\n",
        b"1;a\rb\r\n",
        b"\n",
        b"1\r\na\r\n\n",
        b"0\r\nX: y\n\r\n",
        b"0\r\n\n",
        b"g",
    ],
)
def test_bad_chunking_is_refused(bad: bytes) -> None:
    with pytest.raises(InvalidArgument, match="bad chunked body"):
        feed(ChunkedBody(), bad)
    with pytest.raises(InvalidArgument, match="bad chunked body"):
        feed(ChunkedBody(), *(bytes([byte]) for byte in bad))


def test_what_never_ends_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="header is too long"):
        feed(ChunkedBody(), b"1;" + b"x" * MAX_CHUNK_HEADER)
    with pytest.raises(InvalidArgument, match="trailer is too long"):
        feed(ChunkedBody(), b"0\r\n" + b"x" * (MAX_TRAILER + 1))
    with pytest.raises(InvalidArgument, match="trailer is too long"):
        feed(ChunkedBody(), b"0\r\n" + b"x: y\r\n" * MAX_TRAILER)


def test_the_limit_counts_what_is_announced() -> None:
    assert feed(ChunkedBody(5), b"5\r\nabcde\r\n0\r\n\r\n") == (b"abcde", b"")
    with pytest.raises(TooLarge, match="larger than 5 bytes"):
        feed(ChunkedBody(5), b"3\r\nabc\r\n3\r\n")


@given(st.lists(st.binary(max_size=8), max_size=30))
def test_random_bytes_are_data_or_refused(pieces: list[bytes]) -> None:
    try:
        feed(ChunkedBody(100), *pieces)
    except PoguError:
        pass
