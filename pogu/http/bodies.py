"""Request bodies without I/O: bytes in, decoded bytes out (RFC 9112, sections 6 and 7)."""

from __future__ import annotations

import re
from typing import Protocol

from pogu.errors import InvalidArgument, TooLarge

# chunk-size with its optional extensions; sixteen digits are more than any file system holds.
_CHUNK_HEADER = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?")
MAX_CHUNK_HEADER = 4096
MAX_TRAILER = 16 * 1024


class BodyDecoder(Protocol):
    """Decodes one body. `complete` turns true with its last byte; what follows is handed back untouched."""

    complete: bool

    def decode(self, data: bytes) -> tuple[bytes, bytes]:
        """Return (decoded, rest). The rest is to be given again in front of the next data, or belongs to the
        connection once the body is complete. Raises InvalidArgument for bad framing, TooLarge over the limit."""


class SizedBody:
    """A body of known length (Content-Length)."""

    __slots__ = ("complete", "remaining")

    def __init__(self, length: int) -> None:
        self.remaining = length
        self.complete = length == 0

    def decode(self, data: bytes) -> tuple[bytes, bytes]:
        """See BodyDecoder; never raises."""
        if len(data) < self.remaining:
            self.remaining -= len(data)
            return data, b""
        mine, rest = data[: self.remaining], data[self.remaining :]
        self.remaining = 0
        self.complete = True
        return mine, rest


class ChunkedBody:
    """A chunked body. Extensions and trailer fields are checked for form and dropped."""

    __slots__ = ("_chunk_left", "_in_trailer", "_limit", "_received", "_trailer_bytes", "complete")

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._received = 0
        self._chunk_left = 0  # bytes of the current chunk still to come, its closing CRLF (2 bytes) included
        self._in_trailer = False
        self._trailer_bytes = 0
        self.complete = False

    def decode(self, data: bytes) -> tuple[bytes, bytes]:
        """See BodyDecoder."""
        pieces: list[memoryview] = []
        view = memoryview(data)
        position = 0
        while not self.complete and position < len(data):
            if self._chunk_left:
                moved = self._chunk_data(view, position, pieces)
            elif self._in_trailer:
                moved = self._trailer_line(data, position)
            else:
                moved = self._chunk_header(data, position)
            if moved == 0:
                break
            position += moved
        return b"".join(pieces), data[position:]

    def _chunk_data(self, data: memoryview, position: int, pieces: list[memoryview]) -> int:
        payload = self._chunk_left - 2
        available = len(data) - position
        if payload > 0:
            taken = min(payload, available)
            pieces.append(data[position : position + taken])
            self._chunk_left -= taken
            return taken
        expected = b"\r\n"[2 - self._chunk_left :]
        taken = min(len(expected), available)
        if data[position : position + taken] != expected[:taken]:
            raise InvalidArgument("bad chunked body: a chunk is longer than its size says")
        self._chunk_left -= taken
        return taken

    def _chunk_header(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position, position + MAX_CHUNK_HEADER)
        if end < 0:
            if len(data) - position >= MAX_CHUNK_HEADER:
                raise InvalidArgument("bad chunked body: the chunk header is too long")
            # Refuse at once what can never become a size, instead of waiting for a line end that may not come.
            if data[position] not in b"0123456789abcdefABCDEF":
                raise InvalidArgument("bad chunked body: expected a chunk size")
            return 0
        header = _CHUNK_HEADER.fullmatch(data, position, end - 1) if data[end - 1 : end] == b"\r" else None
        if header is None:
            raise InvalidArgument("bad chunked body: expected a chunk size")
        self._open_chunk(int(header[1], 16))
        return end + 1 - position

    def _open_chunk(self, size: int) -> None:
        self._received += size
        if self._limit is not None and self._received > self._limit:
            raise TooLarge(f"the request body is larger than {self._limit} bytes")
        self._in_trailer = size == 0
        self._chunk_left = size + 2 if size else 0

    def _trailer_line(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position)
        if self._trailer_bytes + (end if end >= 0 else len(data)) - position > MAX_TRAILER:
            raise InvalidArgument("bad chunked body: the trailer is too long")
        if end < 0:
            return 0
        if data[end - 1 : end] != b"\r" or end == position:
            raise InvalidArgument("bad chunked body: a trailer line does not end with CRLF")
        self.complete = end == position + 1
        self._trailer_bytes += end + 1 - position
        return end + 1 - position
