"""Uploads under way: each a directory with the bytes received so far, so that a restart of the server loses none.

What is received is hashed while it is written. After a restart the state of the hash is made again from the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from pogu import failpoints
from pogu.linux.paths import sync_directory
from pogu.registry.names import is_upload, new_upload
from pogu.registry.refusals import Refused
from pogu.registry.storage.files import make_directories, write_whole

_BATCH = 1024 * 1024  # bytes that go to the writing thread together
_PIECE = 1024 * 1024  # bytes read at once to hash again


class _Info(msgspec.Struct):
    """What is known of an upload beside its bytes."""

    repository: str
    algorithm: str
    started: float


class Upload:
    """One upload. Requests for it take turns (`async with upload.turn`); `offset` is the number of bytes received."""

    def __init__(self, id_: str, directory: Path, info: _Info) -> None:
        self.id = id_
        self.directory = directory
        self.repository = info.repository
        self.algorithm = info.algorithm
        self.started = info.started
        self.turn = asyncio.Lock()
        self.used = time.time()
        self.ended = False
        self.offset = 0
        self._hash: Any = None  # None: to be made from the file

    @property
    def file(self) -> Path:
        """Where the bytes are."""
        return self.directory / "data"

    async def append(self, pieces: AsyncIterator[bytes], most: int | None = None) -> int:
        """Add bytes at the end and return how many; the next batch is received while one is written.

        When the sender breaks off, or this is cancelled, what has arrived stays and `offset` says how much that is.

        Raises:
            Refused: more than `most` bytes in all; those over it are not kept.
        """
        fd = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        batch: list[bytes] = []
        before, size, received = self.offset, 0, 0
        writing: asyncio.Future[None] | None = None
        try:
            async for piece in pieces:
                if most is not None and before + received + len(piece) > most:
                    raise Refused("SIZE_INVALID", f"the upload is larger than {most} bytes", status=413)
                batch.append(piece)
                size += len(piece)
                received += len(piece)
                if size >= _BATCH:
                    await _finished(writing)
                    writing = self._start(fd, batch)
                    batch, size = [], 0
        finally:
            try:
                await _finished(writing)
                if batch:
                    await _finished(self._start(fd, batch))
            finally:
                os.close(fd)
                self.used = time.time()
        return self.offset - before

    def _start(self, fd: int, batch: list[bytes]) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(None, self._write, fd, batch)

    def _write(self, fd: int, batch: list[bytes]) -> None:
        state = self._state()
        for piece in batch:
            view = memoryview(piece)
            while view:
                written = os.write(fd, view)
                state.update(view[:written])
                self.offset += written
                view = view[written:]
        failpoints.step("registry.upload.received")

    def _state(self) -> Any:
        """The hash of everything in the file."""
        if self._hash is None:
            self._hash = _hash_file(self.file, self.algorithm)
        return self._hash

    async def rewind(self, offset: int) -> None:
        """Throw away what lies behind an offset."""
        await asyncio.to_thread(os.truncate, self.file, offset)
        self.offset = offset
        self._hash = None

    async def seal(self, digest: str) -> None:
        """Check the content against its digest and make it durable.

        Raises:
            Refused: DIGEST_INVALID, it has another digest.
        """
        await asyncio.to_thread(self._seal, digest)

    def _seal(self, digest: str) -> None:
        algorithm, _, wanted = digest.partition(":")
        state = self._state() if algorithm == self.algorithm else _hash_file(self.file, algorithm)
        found = state.hexdigest()
        if found != wanted:
            detail = {"expected": digest, "received": f"{algorithm}:{found}"}
            raise Refused("DIGEST_INVALID", "the uploaded content does not have the digest that was given", detail)
        fd = os.open(self.file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def load(self) -> Upload:
        """Find out how much has been received."""
        self.offset = self.file.stat().st_size
        self.used = self.file.stat().st_mtime
        return self


class Uploads:
    """All uploads of one server, in a directory of their own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        make_directories(directory)
        self._open: dict[str, Upload] = {}

    async def start(self, repository: str, algorithm: str = "sha256") -> Upload:
        """Begin an upload to a repository."""
        id_ = new_upload()
        info = _Info(repository, algorithm, time.time())
        directory = self._directory / id_
        await asyncio.to_thread(_make, directory, info)
        self._open[id_] = upload = Upload(id_, directory, info)
        return upload

    async def find(self, repository: str, id_: str) -> Upload:
        """The upload of this identifier, if it belongs to this repository.

        Raises:
            Refused: BLOB_UPLOAD_UNKNOWN.
        """
        upload = self._open.get(id_)
        if upload is None and is_upload(id_):
            loaded = await asyncio.to_thread(_load, self._directory / id_)
            upload = self._open.get(id_) or loaded  # another request may have been faster
            if upload is not None:
                self._open[id_] = upload
        if upload is None or upload.ended or upload.repository != repository:
            raise unknown()
        return upload

    async def end(self, upload: Upload) -> None:
        """Forget an upload and what is left of its bytes."""
        upload.ended = True
        self._open.pop(upload.id, None)
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, upload.directory, ignore_errors=True))

    async def expire(self, seconds: float) -> int:
        """End every upload that nobody has used for so long; return how many."""
        ended = 0
        for id_ in await asyncio.to_thread(lambda: [entry.name for entry in self._directory.iterdir()]):
            upload = self._open.get(id_) or await asyncio.to_thread(_load, self._directory / id_)
            if upload is None:
                await asyncio.to_thread(_remove_stale, self._directory / id_, seconds)
            elif not upload.turn.locked() and time.time() - upload.used > seconds:
                await self.end(upload)
                ended += 1
        return ended

    def __len__(self) -> int:
        return len(self._open)


def unknown() -> Refused:
    """The refusal for an upload that does not exist (any more)."""
    return Refused("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")


def _make(directory: Path, info: _Info) -> None:
    directory.mkdir(mode=0o700)
    (directory / "data").touch(mode=0o600)
    write_whole(directory / "info.json", msgspec.json.encode(info))
    sync_directory(directory.parent)


def _load(directory: Path) -> Upload | None:
    try:
        info = msgspec.json.decode((directory / "info.json").read_bytes(), type=_Info)
        return Upload(directory.name, directory, info).load()
    except (OSError, msgspec.DecodeError):
        return None


def _remove_stale(directory: Path, seconds: float) -> None:
    """Remove what a crash has left of an upload that was never announced to anybody."""
    with contextlib.suppress(OSError):
        if time.time() - directory.stat().st_mtime > seconds:
            shutil.rmtree(directory, ignore_errors=True)


def _hash_file(path: Path, algorithm: str) -> Any:
    state = hashlib.new(algorithm)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            state.update(piece)
    return state


async def _finished(writing: asyncio.Future[None] | None) -> None:
    """Wait for a write, to its end even when cancelled: the thread uses the descriptor."""
    if writing is None:
        return
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait([writing])
        writing.exception()  # has been seen
        raise
