"""A registry in an object store: S3 and what speaks like it, Google Cloud Storage, Azure, through `obstore`.

    blobs/sha256/…      the blobs
    touched/sha256/…    empty, as old as the last touch of a blob: an object's own time only changes with its content
    records/…           the records

Several registries may share a bucket, so nothing that is read is remembered (`exclusive` is False). Uploads under way
are not here but on the disk of the server that receives them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import ObjectStore as Connection
from obstore.store import from_url

from pogu.errors import InvalidArgument, NotFound
from pogu.registry.storage import Blob, Record

_PART = 8 * 1024 * 1024
_STREAMED = 4 * 1024 * 1024
_AT_ONCE = 16  # requests under way for one list


class ObjectStore:
    """Implements `Store`. Every failure of the object store is an OSError."""

    exclusive = False

    def __init__(self, connection: Connection) -> None:
        self._objects: Any = connection

    async def check(self) -> None:
        """Raises InvalidArgument unless the bucket is there and lets us in: a missing one looks like an empty one."""
        try:
            await obstore.list_with_delimiter_async(self._objects, "records")
        except (BaseError, OSError) as error:
            raise InvalidArgument(f"--storage: the object store cannot be used: {error}") from error

    # --- blobs ---

    async def add_blob(self, digest: str, file: Path) -> None:
        """See Store."""
        # Also where the blob is there already: that makes it young, and there is no other sure way to.
        with _failures(writing=True):
            await obstore.put_async(self._objects, _blob(digest), file, chunk_size=_PART)
        file.unlink()

    async def add_bytes(self, digest: str, data: bytes) -> None:
        """See Store."""
        with _failures(writing=True):
            await obstore.put_async(self._objects, _blob(digest), data)

    async def blob(self, digest: str) -> Blob | None:
        """See Store."""
        meta, touched = await asyncio.gather(self._head(_blob(digest)), self._head(_touched(digest)))
        if meta is None:
            return None
        times = [each["last_modified"].timestamp() for each in (meta, touched) if each is not None]
        return Blob(digest, meta["size"], max(times))

    async def _head(self, path: str) -> Any:
        try:
            with _failures():
                return await obstore.head_async(self._objects, path)
        except NotFound:
            return None

    async def blob_bytes(self, digest: str) -> bytes:
        """See Store."""
        with _failures():
            result = await obstore.get_async(self._objects, _blob(digest))
            return bytes(await result.bytes_async())

    async def blob_stream(self, digest: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """See Store."""
        if length == 0:
            await self.blob_bytes(digest)
            return _nothing()
        with _failures():
            options: Any = {"range": (offset, offset + length)}
            result = await obstore.get_async(self._objects, _blob(digest), options=options)
        return _stream(result)

    async def touch_blob(self, digest: str) -> None:
        """See Store."""
        if await self._head(_blob(digest)) is not None:
            with _failures():
                await obstore.put_async(self._objects, _touched(digest), b"")

    async def delete_blob(self, digest: str) -> None:
        """See Store."""
        await self._delete(_blob(digest))
        await self._delete(_touched(digest))

    async def blobs(self) -> AsyncIterator[Blob]:
        """See Store."""
        with _failures():
            async for batch in obstore.list(self._objects, "blobs"):
                for meta in batch:
                    _, algorithm, encoded = meta["path"].split("/")
                    yield Blob(f"{algorithm}:{encoded}", meta["size"], meta["last_modified"].timestamp())

    # --- records ---

    async def read(self, key: str) -> bytes | None:
        """See Store."""
        try:
            with _failures():
                result = await obstore.get_async(self._objects, f"records/{key}")
                return bytes(await result.bytes_async())
        except NotFound:
            return None

    async def write(self, records: Sequence[tuple[str, bytes]]) -> None:
        """See Store."""
        with _failures(writing=True):
            for key, data in records:
                await obstore.put_async(self._objects, f"records/{key}", data)

    async def touch(self, key: str) -> None:
        """See Store."""
        data = await self.read(key)
        if data is not None:
            await self.write([(key, data)])

    async def delete(self, keys: Sequence[str]) -> None:
        """See Store."""
        for key in keys:
            await self._delete(f"records/{key}")

    async def keys(self, prefix: str) -> list[str]:
        """See Store."""
        return sorted(meta["path"].rpartition("/")[2] for meta in await self._below(prefix))

    async def records(self, prefix: str) -> list[Record]:
        """See Store."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def read(meta: Any) -> Record | None:
            key = prefix + meta["path"].rpartition("/")[2]
            async with turns:
                data = await self.read(key)
            return None if data is None else Record(key, data, meta["last_modified"].timestamp())

        found = await asyncio.gather(*(read(meta) for meta in await self._below(prefix)))
        return sorted((record for record in found if record is not None), key=lambda record: record.key)

    async def close(self) -> None:
        """See Store."""

    # --- inside ---

    async def _below(self, prefix: str) -> list[Any]:
        with _failures():
            listed: Any = await obstore.list_with_delimiter_async(self._objects, f"records/{prefix.rstrip('/')}")
        return list(listed["objects"])

    async def _delete(self, path: str) -> None:
        with contextlib.suppress(NotFound), _failures():
            await obstore.delete_async(self._objects, path)


def open_object_store(url: str) -> ObjectStore:
    """The store at `s3://bucket/prefix`, `gs://…` or `az://…`; credentials are found as those clouds' own tools do.

    Raises:
        InvalidArgument: the address or the settings in the environment make no sense.
    """
    if url.partition("://")[0] not in ("s3", "gs", "az", "azure"):
        raise InvalidArgument(f"--storage: {url!r} is neither a directory nor s3://, gs:// or az://")
    try:
        return ObjectStore(from_url(url))
    except (BaseError, ValueError) as error:
        raise InvalidArgument(f"--storage: {error}") from error


def _blob(digest: str) -> str:
    algorithm, _, encoded = digest.partition(":")
    return f"blobs/{algorithm}/{encoded}"


def _touched(digest: str) -> str:
    return _blob(digest).replace("blobs/", "touched/", 1)


@contextlib.contextmanager
def _failures(writing: bool = False) -> Iterator[None]:
    """The object store's errors as ours; what cannot be found while writing is the bucket."""
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        if writing:
            raise OSError(f"the object store failed: {error}") from error
        raise NotFound(f"not in the object store: {error}") from error
    except BaseError as error:
        raise OSError(f"the object store failed: {error}") from error


async def _stream(result: Any) -> AsyncIterator[bytes]:
    with _failures():
        async for piece in result.stream(min_chunk_size=_STREAMED):
            yield bytes(piece)


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece
