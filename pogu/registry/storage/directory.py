"""A registry in a directory of this machine.

    blobs/sha256/…    the blobs, each named by its digest (the layout of the OCI image specification)
    records/…         the records, each a file named by its key
    lock              held by the process that serves the directory

Blobs never change, so whoever reads one holds it open and is not disturbed by its deletion.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import stat
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from pogu import failpoints
from pogu.errors import Conflict, NotFound
from pogu.http.files import FileBody
from pogu.linux.paths import sync_directory
from pogu.registry.storage import Blob, Record
from pogu.registry.storage.files import TEMPORARY, make_directories, write_whole
from pogu.registry.storage.memory import Recent

_REMEMBERED = 64 * 1024 * 1024


class DirectoryStore:
    """Implements `Store`. Raises Conflict if another process serves the directory."""

    exclusive = True

    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs"
        self._records = root / "records"
        for directory in (root, self._blobs, self._records):
            make_directories(directory)
        self._lock = _lock(root / "lock")
        self._recent = Recent(_REMEMBERED)
        self._generation = 0  # rises with every write: what was read before one must not be remembered after it

    # --- blobs ---

    def _path(self, digest: str) -> Path:
        algorithm, _, encoded = digest.partition(":")
        return self._blobs / algorithm / encoded

    async def add_blob(self, digest: str, file: Path) -> None:
        """See Store."""
        self._forget(digest)
        await asyncio.to_thread(self._add_blob, digest, file)

    def _add_blob(self, digest: str, file: Path) -> None:
        path = self._path(digest)
        if _touch(path) and path.stat().st_size == file.stat().st_size:  # one that was cut short is replaced
            file.unlink()
            return
        make_directories(path.parent)
        failpoints.step("registry.blob.synced")
        file.replace(path)
        failpoints.step("registry.blob.renamed")
        sync_directory(path.parent)

    async def add_bytes(self, digest: str, data: bytes) -> None:
        """See Store."""
        self._forget(digest)
        await asyncio.to_thread(self._add_bytes, digest, data)

    def _add_bytes(self, digest: str, data: bytes) -> None:
        path = self._path(digest)
        if not _touch(path) or path.stat().st_size != len(data):
            write_whole(path, data)

    async def blob(self, digest: str) -> Blob | None:
        """See Store."""
        try:
            status = self._path(digest).stat()
        except FileNotFoundError:
            return None
        return Blob(digest, status.st_size, status.st_mtime)

    async def blob_bytes(self, digest: str) -> bytes:
        """See Store."""
        data = await self._remembered(digest, self._path(digest))
        if data is None:
            raise NotFound(f"no blob {digest}")
        return data

    async def blob_stream(self, digest: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """See Store."""
        try:
            fd = os.open(self._path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"no blob {digest}") from None
        return FileBody(fd, offset, length)

    async def touch_blob(self, digest: str) -> None:
        """See Store."""
        _touch(self._path(digest))

    async def delete_blob(self, digest: str) -> None:
        """See Store."""
        self._forget(digest)
        await asyncio.to_thread(_delete, self._path(digest))

    async def blobs(self) -> AsyncIterator[Blob]:
        """See Store."""
        for blob in await asyncio.to_thread(self._all_blobs):
            yield blob

    def _all_blobs(self) -> list[Blob]:
        found = []
        for algorithm in self._blobs.iterdir():
            for name, status in _files(algorithm):
                found.append(Blob(f"{algorithm.name}:{name}", status.st_size, status.st_mtime))
        return found

    # --- records ---

    async def read(self, key: str) -> bytes | None:
        """See Store."""
        return await self._remembered(key, self._records / key)

    async def write(self, records: Sequence[tuple[str, bytes]]) -> None:
        """See Store."""
        self._forget(*(key for key, _ in records))
        try:
            await asyncio.shield(asyncio.to_thread(self._write, records))
        finally:
            self._forget(*(key for key, _ in records))

    def _write(self, records: Sequence[tuple[str, bytes]]) -> None:
        for key, data in records:
            write_whole(self._records / key, data)

    async def touch(self, key: str) -> None:
        """See Store."""
        _touch(self._records / key)

    async def delete(self, keys: Sequence[str]) -> None:
        """See Store."""
        self._forget(*keys)
        try:
            await asyncio.shield(asyncio.to_thread(self._delete, keys))
        finally:
            self._forget(*keys)

    def _delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            _delete(self._records / key)

    async def keys(self, prefix: str) -> list[str]:
        """See Store."""
        return await asyncio.to_thread(lambda: sorted(name for name, _ in _files(self._records / prefix)))

    async def records(self, prefix: str) -> list[Record]:
        """See Store."""
        return await asyncio.to_thread(self._all_records, prefix)

    def _all_records(self, prefix: str) -> list[Record]:
        found = []
        for name, status in sorted(_files(self._records / prefix), key=lambda entry: entry[0]):
            with contextlib.suppress(FileNotFoundError):
                data = (self._records / prefix / name).read_bytes()
                found.append(Record(prefix + name, data, status.st_mtime))
        return found

    async def close(self) -> None:
        """See Store."""
        os.close(self._lock)

    # --- what has been read ---

    async def _remembered(self, key: str, path: Path) -> bytes | None:
        if self._recent.knows(key):
            return self._recent.get(key)
        generation = self._generation
        data = await asyncio.to_thread(_read, path)
        if generation == self._generation:
            self._recent.put(key, data)
        return data

    def _forget(self, *keys: str) -> None:
        self._generation += 1
        for key in keys:
            self._recent.forget(key)


def _lock(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise Conflict(f"another registry serves {path.parent}: stop it first") from None
    return fd


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def _touch(path: Path) -> bool:
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _delete(path: Path) -> None:
    try:
        path.unlink()
    except FileNotFoundError:
        return
    sync_directory(path.parent)


def _files(directory: Path) -> list[tuple[str, os.stat_result]]:
    """The finished files directly in a directory that may not exist."""
    found = []
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(TEMPORARY):
                continue
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    found.append((entry.name, status))
    return found
