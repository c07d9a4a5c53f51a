"""The multiplexed stream format of attach, exec and logs, without I/O.

Each frame is an 8-byte header (stream number, three zero bytes, payload length as a big-endian 32-bit number) and
the payload (API reference, "Attach to a container", stream format).
"""

from __future__ import annotations

import struct

STDIN, STDOUT, STDERR = 0, 1, 2
HEADER = struct.Struct(">B3xI")

RAW_STREAM = "application/vnd.docker.raw-stream"
MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream"


def frame(stream: int, data: bytes) -> bytes:
    """Return `data` as one frame of `stream`."""
    return HEADER.pack(stream, len(data)) + data


class FrameReader:
    """Takes the bytes of a multiplexed stream in any pieces and gives back whole frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Add received bytes; return the frames that are complete now, as (stream, payload)."""
        self._buffer += data
        frames = []
        while len(self._buffer) >= HEADER.size:
            stream, length = HEADER.unpack_from(self._buffer)
            end = HEADER.size + length
            if len(self._buffer) < end:
                break
            frames.append((stream, bytes(self._buffer[HEADER.size : end])))
            del self._buffer[:end]
        return frames

    @property
    def pending(self) -> int:
        """The number of bytes of an unfinished frame."""
        return len(self._buffer)
