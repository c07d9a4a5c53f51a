"""Frames cut out of bytes, however the bytes come."""

from __future__ import annotations

from itertools import pairwise

import h2.exceptions
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pogu.dialects.buildkit.grpc.frames import Data, FrameCutter, end_of_stream, window_update

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = bytes.fromhex("000000 04 00 00000000")
PADDED = bytes.fromhex("000003 00 08 00000001 01 61 00")


def data(stream: int, payload: bytes, flags: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((0, flags)) + stream.to_bytes(4, "big") + payload


def cut(cutter: FrameCutter, pieces: list[bytes]) -> tuple[bytes, list[tuple[int, bytes, bool]]]:
    """Return what is left for `h2`, and the data frames."""
    others, frames = b"", []
    for piece in pieces:
        for part in cutter.feed(piece):
            if isinstance(part, Data):
                assert bytes(part.raw) == data(part.stream, bytes(part.payload), int(part.ended))
                frames.append((part.stream, bytes(part.payload), part.ended))
            else:
                others += part
    return others, frames


@settings(deadline=None)
@given(st.lists(st.integers(0, 200), max_size=8), st.booleans())
def test_it_does_not_matter_where_the_bytes_are_torn(places: list[int], preface: bool) -> None:
    whole = (
        (PREFACE if preface else b"") + SETTINGS + data(1, b"abc") + data(3, b"") + window_update(1, 70_000)
        + data(1, b"d" * 90, 1) + PADDED + end_of_stream(5) + SETTINGS
    )  # fmt: skip
    edges = sorted({0, len(whole), *(place for place in places if place < len(whole))})
    pieces = [whole[a:b] for a, b in pairwise(edges)]
    others, frames = cut(FrameCutter(1 << 14, preface=preface), pieces)
    assert frames == [(1, b"abc", False), (3, b"", False), (1, b"d" * 90, True), (5, b"", True)]
    assert others == (PREFACE if preface else b"") + SETTINGS + window_update(1, 70_000) + PADDED + SETTINGS


def test_a_frame_that_is_too_large_is_refused_before_it_has_come() -> None:
    with pytest.raises(h2.exceptions.ProtocolError):
        FrameCutter(1 << 14, preface=False).feed(data(1, bytes((1 << 14) + 1))[:20])
