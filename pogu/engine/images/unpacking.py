"""A layer's blob on its way into the storage driver: decompressed, counted, verified, and refused if it is a bomb."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from pogu.engine.archive import Counted, Hashed, Readable, ReadAhead, run_in_thread
from pogu.engine.archive.compression import decompress
from pogu.engine.images.digests import chain_ids
from pogu.engine.storage import StorageDriver
from pogu.errors import Cancelled, InvalidArgument

# A layer may become this many times its size, once it is larger than is worth a question. Real ones become 2 to 20
# times as large; gzip can do a thousand times, zstd has no limit.
MOST_TIMES = 200
UNSUSPICIOUS = 1 << 30  # bytes


class Source(Protocol):
    """A `Readable` whose reads can be made to fail."""

    def read(self, size: int = ..., /) -> bytes:
        """As `Readable.read`."""
        ...

    def cancel(self) -> None:
        """Make this and every later read fail; called on the loop."""
        ...


class OpenFile:
    """An open file as a `Source`."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._cancelled = False

    def read(self, size: int = -1, /) -> bytes:
        if self._cancelled:
            raise Cancelled("unpacking the layer was given up")
        return self._file.read(size)

    def cancel(self) -> None:
        """Make every later read fail."""
        self._cancelled = True


class _Bounded:
    """A decompressed source that ends where it has become absurdly large."""

    def __init__(self, compressed: Counted, source: Source) -> None:
        self._compressed = compressed
        self._source = source
        self._tar = decompress(compressed)
        self._size = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._tar.read(size)
        self._size += len(data)
        if self._size > UNSUSPICIOUS and self._size > MOST_TIMES * self._compressed.size:
            raise InvalidArgument(
                f"refusing a layer of {self._compressed.size} bytes that becomes more than {self._size}: "
                f"a decompression bomb (more than {MOST_TIMES} times as large)"
            )
        return data

    def cancel(self) -> None:
        self._source.cancel()


class _Ahead(ReadAhead):
    """A layer that is decompressed ahead; `begun` says whether anybody has read it."""

    def __init__(self, source: _Bounded) -> None:
        super().__init__(source, "decompress")
        self.begun = False
        self.cancel = source.cancel

    def read(self, size: int = -1, /) -> bytes:
        self.begun = True
        return super().read(size)


async def unpack(
    driver: StorageDriver, source: Source, parent: str | None, diff_id: str, seen: Callable[[int], None]
) -> None:
    """Unpack the compressed layer in `source` on `parent`, or only verify it where the driver has it.

    `seen` is told in a thread how many bytes of the source were read.

    Raises:
        InvalidArgument: it is no layer, has not the content `diff_id`, or is a bomb; the driver is as it was.
    """
    compressed = Counted(source, seen)
    bounded = await run_in_thread(lambda: _Bounded(compressed, source), source.cancel, "layer")
    tar = _Ahead(bounded)
    chain = diff_id if parent is None else chain_ids([parent, diff_id])[1]
    try:
        if not driver.has_layer(chain):
            await driver.add_layer(chain, parent, tar, diff_id=diff_id)
        if tar.begun:
            return
        # The driver had it already, from another blob or from somebody who adds it too, and read nothing.
        actual = await run_in_thread(Hashed(tar).finish, source.cancel, "layer digest")
    finally:
        source.cancel()
        await asyncio.shield(asyncio.to_thread(tar.close))
    if actual != diff_id:
        raise InvalidArgument(f"layer content has digest {actual}, expected {diff_id}")
