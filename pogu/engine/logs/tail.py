"""Finding where the last lines of a spool begin, reading from the end only what is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pogu.engine.logs.files import Position, end_of, spool_files
from pogu.engine.logs.spool import parse_record

BLOCK = 64 << 10


def tail_position(path: Path, count: int) -> Position:
    """Return where the last `count` lines of all files of a spool begin. A line that is not ended yet counts as one."""
    if count <= 0:
        return end_of(path)
    counter = _Counter(count)
    for file in reversed(spool_files(path)):
        try:
            fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            if found := counter.search(fd):
                return found
        finally:
            os.close(fd)
    return Position()


class _Counter:
    """Walks records backwards; a record that ends a line begins a new count, the pieces before it belong to it."""

    def __init__(self, count: int) -> None:
        self._left = count
        self._open: set[int] = set()  # streams whose last line is being walked through
        self._first: Position | None = None

    def search(self, fd: int) -> Position | None:
        """Go through one file; return where the wanted lines begin once a record before them was seen."""
        status = os.fstat(fd)
        for start, line in _records_backwards(fd, status.st_size):
            record = parse_record(line)
            if record is None:
                continue
            if not record.partial or record.stream not in self._open:
                if self._left == 0:
                    return self._first
                self._left -= 1
                self._open.add(record.stream)
            self._first = Position(status.st_ino, start)
        return None


def _records_backwards(fd: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, line) of the complete lines of a file, the last first."""
    end, carry, complete = size, b"", False
    while end > 0:
        begin = max(0, end - BLOCK)
        block = os.pread(fd, end - begin, begin) + carry
        lines = block.split(b"\n")
        position = begin + len(block)
        for line in reversed(lines[1:]):
            position -= len(line)
            if line and complete:  # what follows the last line feed is still being written
                yield position, line
            complete = True
            position -= 1
        carry, end = lines[0], begin
    if carry and complete:
        yield 0, carry
