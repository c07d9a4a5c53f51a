"""Docker's stream format, split wherever the network likes."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from pogu.cli.streams import Demultiplexer


def _frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50))), st.integers(1, 20))
def test_any_split_gives_the_same_frames(frames: list[tuple[int, bytes]], size: int) -> None:
    wire = b"".join(_frame(*f) for f in frames)
    demultiplexer = Demultiplexer()
    found = [f for i in range(0, len(wire), size) for f in demultiplexer.feed(wire[i : i + size])]
    assert found == frames
