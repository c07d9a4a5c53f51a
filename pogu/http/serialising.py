"""HTTP/1.1 responses without I/O: status, header fields and framing to bytes (RFC 9112)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

from pogu.errors import PoguError

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


def has_no_body(status: int) -> bool:
    """Whether a response of this status never has a body (RFC 9110, 6.4.1)."""
    return status in (204, 304) or status < 200


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; data must not be empty, since an empty chunk ends the body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def head(status: int, headers: Iterable[tuple[str, str]], framing: str = "", reason: str | None = None) -> bytes:
    """The status line and header fields up to and including the empty line.

    `framing` is whole header lines the connection adds (length, coding, persistence). Values outside Latin-1 are sent
    as UTF-8. Raises PoguError if a name or value contains a line break or NUL, which would let whoever chose it forge
    an answer.
    """
    line = _STATUS_LINES.get(status) if reason is None else f"HTTP/1.1 {status} {reason}\r\n"
    fields = [f"{name}: {value}\r\n" for name, value in headers]
    text = "".join((line or f"HTTP/1.1 {status} \r\n", *fields, framing, "\r\n"))
    lines = len(fields) + 2 + framing.count("\n")
    if text.count("\n") != lines or text.count("\r") != lines or "\0" in text:
        raise PoguError("a header field of the answer contains a line break or NUL")
    return text.encode("utf-8", "replace")


class _DateLine:
    """The Date header line, formatted once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._line = ""

    def __call__(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._line = f"Date: {formatdate(second, usegmt=True)}\r\n"
        return self._line


date_line = _DateLine()
"""Call for the current Date header line."""
