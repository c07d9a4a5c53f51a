"""Byte ranges: `Range` of requests (RFC 9110, 14.2) and the `Content-Range` of uploaded chunks (without a unit)."""

from __future__ import annotations

import re

from pogu.registry.refusals import Refused

_RANGE = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*", re.IGNORECASE | re.ASCII)
_CHUNK = re.compile(r"(?:bytes )?(\d{1,18})-(\d{1,18})(?:/(?:\d{1,18}|\*))?", re.ASCII)


class Unsatisfiable(Exception):
    """A range that lies behind the end."""


def parse_range(value: str | None, size: int) -> tuple[int, int] | None:
    """The (first, last) byte that a `Range` field asks for, of something with so many bytes; None for all of it.

    A field that is malformed, or asks for several ranges, is ignored, as RFC 9110 allows.

    Raises:
        Unsatisfiable: nothing lies in the range, or its end lies before its beginning.
    """
    match = _RANGE.fullmatch(value) if value is not None else None
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        wanted = min(int(match[2]), size)
        if wanted == 0:
            raise Unsatisfiable
        return size - wanted, size - 1
    first = int(match[1])
    last = int(match[2]) if match[2] else size - 1
    if first >= size or last < first:
        raise Unsatisfiable
    return first, min(last, size - 1)


def parse_chunk_range(value: str) -> tuple[int, int]:
    """The first byte and the number of bytes of a chunk. Raises Refused (BLOB_UPLOAD_INVALID).

    The specification's form is `0-99`; that of RFC 9110 (`bytes 0-99/100`), which some clients send, is taken too.
    """
    match = _CHUNK.fullmatch(value.strip())
    if match is None or int(match[2]) < int(match[1]):
        raise Refused("BLOB_UPLOAD_INVALID", f"invalid Content-Range: {value[:100]!r}: it must look like 0-1023")
    return int(match[1]), int(match[2]) - int(match[1]) + 1
