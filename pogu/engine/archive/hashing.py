"""Sources that know what was read from them: how much, and its digest; and one that hands it on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from pogu.engine.archive.streams import CHUNK, FileReader, Readable


class Counted:
    """A `Readable` that counts the bytes read, in `size`, and tells them to `seen`. For one thread."""

    def __init__(self, source: Readable, seen: Callable[[int], None] | None = None) -> None:
        self._source = source
        self._seen = seen
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._count(len(data))
        return data

    def _count(self, number: int) -> None:
        self.size += number
        if self._seen is not None and number:
            self._seen(self.size)


class CountedFile(Counted):
    """One over a file, which can be copied as `FileReader` can."""

    def __init__(self, source: FileReader, seen: Callable[[int], None] | None = None) -> None:
        super().__init__(source, seen)
        self._file = source

    def copy_to(self, fd: int, most: int) -> int:
        """As `FileReader.copy_to`."""
        copied = self._file.copy_to(fd, most)
        self._count(max(copied, 0))
        return copied


class Hashed(Counted):
    """One that hashes them besides."""

    def __init__(self, source: Readable, seen: Callable[[int], None] | None = None) -> None:
        super().__init__(source, seen)
        self._hash = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = super().read(size)
        self._hash.update(data)
        return data

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of what was read."""
        return "sha256:" + self._hash.hexdigest()

    def finish(self) -> str:
        """Read what is left and return the digest of the whole."""
        while self.read(CHUNK):
            pass
        return self.digest


class Tee:
    """A `Readable` that gives what it reads to `write` as well. `cancel` makes this and every later read fail."""

    def __init__(self, source: Readable, write: Callable[[bytes], object], cancel: Callable[[], None]) -> None:
        self._source = source
        self._write = write
        self.cancel = cancel

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self._write(data)
        return data
