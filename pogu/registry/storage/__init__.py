"""Where a registry keeps what it has: blobs by digest, and small records by key. One interface, two implementations.

`directory` keeps files on this machine, `objects` uses an object store (S3, GCS, Azure). Both pass the same tests
(`tests/registry/storage/contract.py`). What a key means is the business of `pogu.registry.layout`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob that is there: its size in bytes, and when it was stored or touched last (seconds since the epoch)."""

    digest: str
    size: int
    modified: float


@dataclass(frozen=True, slots=True)
class Record:
    """A small record: its key, its content and when it was written or touched last (seconds since the epoch)."""

    key: str
    data: bytes
    modified: float


class Store(Protocol):
    """The contract. Digests and keys have been checked by the caller (`names`): their parts are safe file names.

    What has returned is durable. What was cancelled has been done whole or not at all. Raises OSError when the disk or
    the object store fails, and NotFound only where that is said.
    """

    @property
    def exclusive(self) -> bool:
        """Whether this process alone writes here, so that what it has read may be remembered."""

    async def add_blob(self, digest: str, file: Path) -> None:
        """Keep a file, whose content has this digest and has been synced, as a blob. The file is gone afterwards.

        Does nothing more than touch a blob that is there already.
        """

    async def add_bytes(self, digest: str, data: bytes) -> None:
        """Keep a small blob, as `add_blob`."""

    async def blob(self, digest: str) -> Blob | None:
        """What is known of a blob, None if it is not there."""

    async def blob_bytes(self, digest: str) -> bytes:
        """The content of a small blob. Raises NotFound."""

    async def blob_stream(self, digest: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """Part of a blob as the body of an answer. Raises NotFound at once, not while it is read.

        A deletion meanwhile does not disturb whoever reads.
        """

    async def touch_blob(self, digest: str) -> None:
        """Make the blob as young as a new one, if it is there."""

    async def delete_blob(self, digest: str) -> None:
        """Forget a blob, if it is there."""

    def blobs(self) -> AsyncIterator[Blob]:
        """Every blob, in no order. Those added or deleted meanwhile may be missing."""

    async def read(self, key: str) -> bytes | None:
        """The content of a record, None if there is none."""

    async def write(self, records: Sequence[tuple[str, bytes]]) -> None:
        """Write records, in this order, each atomically: a crash leaves the first few of them."""

    async def touch(self, key: str) -> None:
        """Make a record as young as a new one, if it is there."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete the records that are there, in this order."""

    async def keys(self, prefix: str) -> list[str]:
        """The last parts of the keys directly below a prefix that ends with a slash, sorted by character."""

    async def records(self, prefix: str) -> list[Record]:
        """The records directly below a prefix that ends with a slash, sorted by key."""

    async def close(self) -> None:
        """Let go of everything; nothing is called after that."""
