"""Compressed streams: found out by their first bytes, never by a name."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Any, cast

import zstandard
from isal import igzip, igzip_lib

from pogu.engine.archive.streams import CHUNK, Readable
from pogu.errors import InvalidArgument

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x50\x2a\x4d\x18": "zstd",  # a skippable frame in front (RFC 8878, section 3.1.2)
}
_MAX_WINDOW = 128 << 20  # bytes; what zstd(1) accepts unless told otherwise
_DAMAGED: tuple[Any, ...] = (  # the stubs of isal call its error class an instance
    zlib.error,
    zstandard.ZstdError,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    igzip.BadGzipFile,
    igzip_lib.IsalError,
)


def detect(start: bytes) -> str:
    """Return "gzip", "zstd", "bzip2", "xz" or "" for a stream that begins with `start` (6 bytes are enough)."""
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")


def decompress(source: Readable) -> Readable:
    """Return `source` decompressed: gzip, zstd, bzip2, xz, several members too; anything else as it is.

    Reading raises InvalidArgument when the compressed stream is damaged or cut off (a zstd stream that is cut off just
    ends; whoever reads an archive from it notices). Errors of `source` itself pass.
    """
    peeked = _Peeked(source)
    kind = detect(peeked.peek(6))
    if not kind:
        return peeked
    opened: object
    if kind == "gzip":
        opened = cast("Any", igzip).IGzipFile(fileobj=peeked, mode="rb")
    elif kind == "zstd":
        opened = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(
            cast("bytes", peeked), read_across_frames=True, read_size=CHUNK
        )
    elif kind == "bzip2":
        opened = bz2.BZ2File(cast("str", peeked))
    else:
        opened = lzma.LZMAFile(cast("str", peeked))  # noqa: SIM115 # it ends with its source
    return _Decompressed(kind, cast("Readable", opened), peeked)


class _Decompressed:
    def __init__(self, kind: str, opened: Readable, source: _Peeked) -> None:
        self._kind = kind
        self._opened = opened
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._opened.read(size)
        except _DAMAGED as e:
            if self._source.error is not None:  # the sender failed, not the data
                raise self._source.error from None
            raise InvalidArgument(f"damaged {self._kind} stream: {e}") from e


class _Peeked:
    """A source whose first bytes have been looked at; remembers the error that ended it."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._start = b""
        self.error: Exception | None = None

    def peek(self, size: int) -> bytes:
        while len(self._start) < size and (more := self._source.read(size - len(self._start))):
            self._start += more
        return self._start

    def read(self, size: int = -1, /) -> bytes:
        if self._start:
            if size < 0:
                start, self._start = self._start, b""
                return start + self.read(-1)
            piece, self._start = self._start[:size], self._start[size:]
            return piece
        try:
            return self._source.read(size)
        except Exception as e:
            self.error = e
            raise

    def readinto(self, buffer: memoryview, /) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False
