"""Reading a tar stream: entries one after the other, each with its content."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from pogu.engine.archive import sparse
from pogu.engine.archive.header import (
    BLOCK,
    GNU_LINK,
    GNU_NAME,
    GNU_VOLUME,
    PAX,
    PAX_GLOBAL,
    REGULAR,
    SPARSE,
    Entry,
    padding,
    parse,
    parse_pax,
)
from pogu.engine.archive.streams import Readable
from pogu.errors import InvalidArgument

_ZERO = bytes(BLOCK)
_READ = 1 << 20  # bytes asked for at a time; a source that has less at hand gives that
_COPIED = 16 << 20  # bytes copied at a time: between two, the work can be stopped
_MAX_EXTENDED = 1 << 20  # bytes of one extended header or long name; Go's limit


class TarReader:
    """Iterates over the entries of an uncompressed tar stream; blocks, so it is for threads.

    After each entry its content can be read with `content`, or `read`; what is not read is skipped. What
    follows the end mark is read by `drain` alone.

    Raises (from iteration and reading):
        InvalidArgument: the stream is not a tar archive, or ends inside one.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._buffer = b""
        self._at = 0
        self._left = 0  # stored bytes of the current entry not read yet
        self._padding = 0
        self._ended = False

    def __iter__(self) -> Iterator[Entry]:
        while (entry := self.next()) is not None:
            yield entry

    def next(self) -> Entry | None:
        """Return the next entry, None after the last."""
        if self._ended:
            return None
        self._skip(self._left)
        self._skip_padding()
        records: list[tuple[str, bytes]] = []
        long: dict[str, bytes] = {}
        while (block := self._header()) is not None:
            kind = block[156:157]
            if kind in (PAX, PAX_GLOBAL, GNU_NAME, GNU_LINK):
                data = self._extended(parse(block, {}))
                if kind == PAX:
                    records = parse_pax(data)
                elif kind != PAX_GLOBAL:  # which says nothing that container layers use; Docker ignores it, too
                    long["path" if kind == GNU_NAME else "linkpath"] = data.partition(b"\0")[0]
                continue
            if kind == GNU_VOLUME:
                self._skip(parse(block, {}).stored)
                continue
            return self._entry(block, records, long)
        if records or long:
            raise InvalidArgument("unexpected end of the archive after an extended header")
        self._ended = True
        return None

    def _entry(self, block: bytes, records: list[tuple[str, bytes]], long: dict[str, bytes]) -> Entry:
        entry = parse(block, long | dict(records))
        self._padding = padding(entry.stored)
        if entry.type == SPARSE:
            sparse.apply_old(entry, block, self._block)
            entry.type = REGULAR
        elif entry.type == REGULAR and records:
            sparse.apply_pax(entry, records, self._block)
        self._left = entry.stored
        return entry

    def content(self) -> Iterator[memoryview]:
        """Yield what is left of the current entry's stored bytes, in pieces; each is valid until the next."""
        while self._left:
            if self._at == len(self._buffer):
                self._fill()
            piece = memoryview(self._buffer)[self._at : self._at + self._left]
            self._at += len(piece)
            self._left -= len(piece)
            yield piece

    def copy_to(self, fd: int) -> None:
        """Write what is left of the current entry's stored bytes to a file, inside the kernel where that can be."""
        copy: Callable[[int, int], int] | None = getattr(self._source, "copy_to", None)
        while self._left:
            if copy is None or self._at < len(self._buffer):
                write_all(fd, next(self.content()))
                continue
            copied = copy(fd, min(self._left, _COPIED))
            if copied < 0:
                copy = None
            elif copied == 0:
                raise InvalidArgument("unexpected end of the archive")
            else:
                self._left -= copied

    def read(self, size: int = -1, /) -> bytes:
        """Return at most `size` stored bytes of the current entry (all for -1), so that an entry is a `Readable`."""
        if size < 0:
            return b"".join(self.content())
        if not self._left or not size:
            return b""
        if self._at == len(self._buffer):
            self._fill()
        piece = self._buffer[self._at : self._at + min(size, self._left)]
        self._at += len(piece)
        self._left -= len(piece)
        return piece

    def drain(self) -> None:
        """Read the stream to its end: whoever hashes it wants all of it."""
        self._at = len(self._buffer)
        while self._more():
            self._at = len(self._buffer)

    def _header(self) -> bytes | None:
        """The next block, or None at the end of the archive: two blocks of zeros, or a stream that just ends."""
        if self._at == len(self._buffer) and not self._more():
            return None
        block = self._block()
        if block != _ZERO:
            return block
        if (self._at < len(self._buffer) or self._more()) and self._block() != _ZERO:
            raise InvalidArgument("invalid tar header: a lone block of zeros")
        return None

    def _extended(self, header: Entry) -> bytes:
        if header.stored > _MAX_EXTENDED:
            raise InvalidArgument(f"invalid tar header: an extended header of {header.stored} bytes")
        self._left = header.stored
        data = self.read()
        self._skip(padding(header.stored))
        return data

    def _block(self) -> bytes:
        block = self._buffer[self._at : self._at + BLOCK]
        self._at += len(block)
        while len(block) < BLOCK:
            self._fill()
            more = self._buffer[: BLOCK - len(block)]
            self._at = len(more)
            block += more
        return block

    def _skip(self, count: int) -> None:
        while count > 0:
            if self._at == len(self._buffer):
                self._fill()
            step = min(count, len(self._buffer) - self._at)
            self._at += step
            count -= step

    def _skip_padding(self) -> None:
        """Skip what fills an entry's last block. At the end of a context the docker command leaves all of it out."""
        self._left, count, self._padding = 0, self._padding, 0
        if count and (self._at < len(self._buffer) or self._more()):
            self._skip(count)

    def _fill(self) -> None:
        if not self._more():
            raise InvalidArgument("unexpected end of the archive")

    def _more(self) -> bool:
        """Replace the buffer, all used, by what comes next; False at the end of the stream."""
        self._buffer = self._source.read(_READ)
        self._at = 0
        return bool(self._buffer)


def write_all(fd: int, piece: memoryview) -> None:
    """Write all of it."""
    written = os.write(fd, piece)
    while written < len(piece):
        written += os.write(fd, piece[written:])
