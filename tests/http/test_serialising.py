from __future__ import annotations

import re

import pytest

from pogu.errors import PoguError
from pogu.http import serialising


def test_a_head() -> None:
    head = serialising.head(200, [("Content-Type", "text/plain"), ("X-A", "1")], "Content-Length: 3\r\n")
    assert head == b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: 1\r\nContent-Length: 3\r\n\r\n"


def test_reasons() -> None:
    assert serialising.head(304, []) == b"HTTP/1.1 304 Not Modified\r\n\r\n"
    assert serialising.head(101, [], reason="UPGRADED") == b"HTTP/1.1 101 UPGRADED\r\n\r\n"
    assert serialising.head(299, []) == b"HTTP/1.1 299 \r\n\r\n"


def test_text_is_sent_as_utf_8() -> None:
    assert "X: 포구\r\n".encode() in serialising.head(200, [("X", "포구")])


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: x", "a\nb", "a\rb", "a\0b"])
def test_nobody_can_add_a_header_line_through_a_value(value: str) -> None:
    with pytest.raises(PoguError, match="line break"):
        serialising.head(200, [("X", value)])
    with pytest.raises(PoguError, match="line break"):
        serialising.head(200, [(value, "x")])


def test_chunks() -> None:
    assert serialising.chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"


def test_statuses_without_body() -> None:
    assert [status for status in (101, 200, 204, 205, 304, 404) if serialising.has_no_body(status)] == [101, 204, 304]


def test_the_date_is_an_imf_fixdate() -> None:
    assert re.fullmatch(r"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n", serialising.date_line())
