"""Carrying a container's input and output between the daemon and this process's own streams."""

from __future__ import annotations

import os
import select
import struct
import sys
from collections.abc import Iterable, Iterator

from pogu.cli.client import Raw
from pogu.cli.terminal import DetachScanner

_HEADER = struct.Struct(">BxxxL")  # stream, three zero bytes, length (API reference, "Stream format")
_CHUNK = 65536


class Demultiplexer:
    """Splits Docker's stream format: (1 or 2, data) for standard output or error."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the whole frames that `data` completes."""
        self._buffer += data
        while len(self._buffer) >= _HEADER.size:
            stream, length = _HEADER.unpack_from(self._buffer)
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            yield stream, bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]


def write_output(data: bytes, *, error: bool = False) -> None:
    """Write to this process's standard output or error, all of it, at once."""
    fd = 2 if error else 1
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def copy_output(pieces: Iterable[bytes], *, multiplexed: bool) -> None:
    """Write a stream of output to where it belongs until it ends."""
    frames = Demultiplexer()
    for piece in pieces:
        if multiplexed:
            for stream, data in frames.feed(piece):
                write_output(data, error=stream == 2)
        else:
            write_output(piece)


def pump(raw: Raw, *, stdin: bool, tty: bool, detach_keys: bytes) -> bool:
    """Carry bytes both ways until the daemon ends the stream; True if the user typed the detach keys.

    The end of our input is passed on as a half-close. With a terminal output is not multiplexed.
    """
    scanner = DetachScanner(detach_keys)
    frames = Demultiplexer()
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN)
    source = sys.stdin.fileno() if stdin else -1
    if stdin:
        poll.register(source, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll()} if not raw.pending() else {raw.fileno()}
        if raw.fileno() in ready:
            data = raw.take()
            if data == b"":
                return False
            _show(data or b"", frames, multiplexed=not tty)
        if source in ready:
            typed = os.read(source, _CHUNK)
            if not typed:
                poll.unregister(source)
                source = -1
                raw.end_input()
                continue
            try:
                raw.write(typed)
            except (BrokenPipeError, ConnectionResetError):
                poll.unregister(source)
                source = -1
            if tty and scanner.saw(typed):
                return True


def _show(data: bytes, frames: Demultiplexer, *, multiplexed: bool) -> None:
    if not multiplexed:
        write_output(data)
        return
    for stream, part in frames.feed(data):
        write_output(part, error=stream == 2)
