"""HTTP/2 frames cut out of the bytes that come: data is taken past `h2`, everything else is given to it.

`h2` makes a printable form of every frame for a log that nobody reads, which costs more than all the rest of its work:
1 GB went at 130 MB/s through it. Of a data frame it only learns that it ended its stream.
"""

from __future__ import annotations

from typing import NamedTuple

import h2.exceptions

from pogu.dialects.buildkit.grpc.framing import Bytes

_PREFACE = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
_HEAD = 9
_DATA = 0
_END_STREAM, _PADDED = 0x1, 0x8


class Data(NamedTuple):
    """A data frame's content."""

    stream: int
    payload: Bytes
    ended: bool
    raw: Bytes
    """The whole frame, for whoever does not want it."""


class FrameCutter:
    """Takes bytes as they come and gives data frames and, of everything else, bytes for `h2`."""

    def __init__(self, largest: int, *, preface: bool) -> None:
        """`largest` is what a frame may hold; with `preface` the client's first bytes come before the first frame."""
        self._largest = largest
        self._skip = _PREFACE if preface else 0
        self._rest = b""

    def feed(self, data: bytes) -> list[Data | Bytes]:
        """Return what is whole by now, in order. Raises ProtocolError for a frame that is too large."""
        whole = memoryview(self._rest + data if self._rest else data)
        out: list[Data | Bytes] = []
        start = position = 0  # from `start` on, bytes for h2
        if self._skip:
            if len(whole) < self._skip:
                self._rest = bytes(whole)
                return []
            position, self._skip = self._skip, 0
        end = len(whole)
        while position + _HEAD <= end:
            size = whole[position] << 16 | whole[position + 1] << 8 | whole[position + 2]
            if size > self._largest:
                raise h2.exceptions.FrameTooLargeError(f"a frame of {size} bytes")
            behind = position + _HEAD + size
            if behind > end:
                break
            if whole[position + 3] == _DATA and not (flags := whole[position + 4]) & _PADDED:
                if start < position:
                    out.append(whole[start:position])
                stream = int.from_bytes(whole[position + 5 : position + _HEAD], "big") & 0x7FFFFFFF
                frame = whole[position:behind]
                out.append(Data(stream, frame[_HEAD:], bool(flags & _END_STREAM), frame))
                start = behind
            position = behind
        if start < position:
            out.append(whole[start:position])
        self._rest = bytes(whole[position:])
        return out


def end_of_stream(stream: int) -> bytes:
    """Return a data frame without content that ends its stream."""
    return bytes((0, 0, 0, _DATA, _END_STREAM)) + stream.to_bytes(4, "big")


def window_update(stream: int, size: int) -> bytes:
    """Return the frame that lets the other side send so many bytes more; stream 0 is the connection."""
    return b"\0\0\4\x08\0" + stream.to_bytes(4, "big") + size.to_bytes(4, "big")
