"""Blobs on their way from a registry into the content store: fetched once, whoever wants them, and read meanwhile.

A thread fetches a blob into a file of the ingest directory, hashing as it goes; others unpack from that file what is
there already. Only a blob of the right size and digest is kept. What had come when a process was killed is not fetched
again; but nobody reads of such a blob before its digest has been verified, since the disk may lack some of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pogu.engine.archive.streams import run_in_thread
from pogu.engine.images.content import ContentStore
from pogu.engine.images.manifest import Descriptor
from pogu.engine.registries.cancelling import Canceller
from pogu.engine.registries.connections import Answer
from pogu.engine.registries.failures import RegistryError, Unreachable
from pogu.engine.registries.repository import Repository
from pogu.errors import Cancelled, InvalidArgument, PoguError
from pogu.failpoints import step

_BUFFER = 256 << 10  # bytes asked of the network at a time
_FIRST_PAUSE = 0.5  # seconds before the second attempt; doubled for each that follows
_RANGE = re.compile(r"bytes (\d+)-")

Seen = Callable[[str, int], None]  # what is being done, and how many bytes are here; called in threads


class Download:
    """One blob that is being fetched. `run` is for one thread, `read_at` for any; the others are for the loop."""

    def __init__(self, content: ContentStore, repository: Repository, blob: Descriptor, attempts: int) -> None:
        self.blob = blob
        self.watchers: list[Seen] = []
        self._content = content
        self._canceller = Canceller()
        self._repository = repository.with_canceller(self._canceller)
        self._attempts = attempts
        self._changed = threading.Condition()
        self._path = content.download_file(blob.digest)
        self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        self._hash = hashlib.sha256()
        self._size = 0
        self._resumed = os.fstat(self._file).st_size > 0  # so readers wait
        self._verified = False
        self._failure: PoguError | None = None

    def run(self) -> None:
        """Fetch the blob, as often as it takes, and keep it.

        Raises:
            InvalidArgument: it is not of the size or digest that was said; nothing is kept.
            Unreachable, RegistryError: it cannot be had.
        """
        try:
            if self._resumed:
                self._take_up()
            self._fetch_all()
            self._tell("Verifying Checksum")
            if self._resumed and not self._is_right():  # what was here was not what had come
                self._begin_anew()
                self._fetch_all()
            if not self._is_right():
                raise InvalidArgument(f"filesystem layer verification failed for digest {self.blob.digest}")
            step("image.download.verified")
            self._tell("Download complete")
            with self._changed:
                self._verified = True
                self._changed.notify_all()
            self._content.adopt(self._path, self.blob.digest)
        except PoguError as e:
            self._fail(e)
            raise
        except OSError as e:
            error = PoguError(f"cannot store {self.blob.digest}: {(e.strerror or str(e)).lower()}")
            self._fail(error)
            raise error from e

    def _fail(self, error: PoguError) -> None:
        with self._changed:
            self._failure = error
            self._changed.notify_all()

    def _is_right(self) -> bool:
        return f"sha256:{self._hash.hexdigest()}" == self.blob.digest

    def _take_up(self) -> None:
        """Hash what is here already, so that the rest can be fetched."""
        if os.fstat(self._file).st_size > self.blob.size:
            self._begin_anew()
            return
        while data := os.read(self._file, _BUFFER):
            self._canceller.check()
            self._hash.update(data)
            self._size += len(data)
        self._tell("Downloading")

    def _begin_anew(self) -> None:
        os.truncate(self._file, 0)
        os.lseek(self._file, 0, os.SEEK_SET)
        self._hash = hashlib.sha256()
        with self._changed:
            self._size = 0
            self._resumed = False

    def _fetch_all(self) -> None:
        pause, left = _FIRST_PAUSE, self._attempts
        while self._size < self.blob.size or not self.blob.size:
            before = self._size
            try:
                self._fetch()
                return
            except (Unreachable, RegistryError) as e:
                if isinstance(e, RegistryError) and not e.passing:
                    raise
                if self._size > before:  # it does get on
                    pause, left = _FIRST_PAUSE, self._attempts
                left -= 1
                if left <= 0:
                    raise
            self._tell(f"Retrying in {max(1, round(pause))} second{'s' if pause >= 1.5 else ''}")
            self._canceller.sleep(pause)
            pause *= 2

    def _fetch(self) -> None:
        """Fetch from where the last attempt ended."""
        with self._repository.blob(self.blob.digest, self._size) as answer:
            skip = self._to_skip(answer)
            buffer = memoryview(bytearray(_BUFFER))
            while count := answer.read_some(buffer):
                piece = buffer[min(skip, count) : count]
                skip -= min(skip, count)
                self._append(piece)
        if self._size < self.blob.size:
            raise Unreachable(f'Get "{answer.url}": unexpected EOF')

    def _to_skip(self, answer: Answer) -> int:
        """Return how many bytes of an answer are here already: a server need not know ranges."""
        if answer.status != 206:
            return self._size
        begins = _RANGE.match(answer.headers.get("content-range", ""))
        if begins is None or int(begins[1]) != self._size:
            raise PoguError(f"{answer.url}: the server sends another range than it was asked for")
        return 0

    def _append(self, piece: memoryview) -> None:
        if self._size + len(piece) > self.blob.size:
            raise InvalidArgument(
                f"{self.blob.digest} is larger than the {self.blob.size} bytes that its manifest says"
            )
        self._hash.update(piece)
        view = piece
        while view:
            view = view[os.write(self._file, view) :]
        with self._changed:
            self._size += len(piece)
            self._changed.notify_all()
        self._tell("Downloading")

    def _tell(self, what: str) -> None:
        for watcher in tuple(self.watchers):
            watcher(what, self._size)

    def read_at(self, offset: int, size: int, stop: Canceller) -> bytes:
        """Return up to `size` bytes from `offset` on, waiting for the first; b"" at the end of a blob that is right.

        Raises:
            Cancelled: `stop` was used.
            PoguError: what ended the download.
        """
        with self._changed:
            while (self._resumed or self._size <= offset) and not self._verified and self._failure is None:
                stop.check()
                self._changed.wait(0.5)  # `stop` does not wake it
            stop.check()
            if self._failure is not None:
                raise self._failure
            there = self._size - offset
        return os.pread(self._file, min(size, there), offset) if there > 0 else b""

    def cancel(self) -> None:
        """Make the thread end soon."""
        self._canceller.cancel()

    def close(self) -> None:
        """Let go of the file; a blob that was kept stays."""
        os.close(self._file)
        if not self._content.keeps_downloads:
            self._path.unlink(missing_ok=True)


class DownloadReader:
    """A `Readable` over a blob that is being fetched; for one thread."""

    def __init__(self, download: Download) -> None:
        self._download = download
        self._stop = Canceller()
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            size = self._download.blob.size - self._at
        data = self._download.read_at(self._at, size, self._stop)
        self._at += len(data)
        return data

    def cancel(self) -> None:
        """Make this and every later read fail."""
        self._stop.cancel()


@dataclass
class Joined:
    """One's part in a download."""

    download: Download
    _task: asyncio.Task[None]

    def reader(self) -> DownloadReader:
        """Return a source of its bytes, from the first on."""
        return DownloadReader(self.download)

    async def kept(self) -> None:
        """Wait until the blob is in the content store. Raises as `Download.run`."""
        await asyncio.shield(self._task)


class Downloads:
    """All downloads of this process: one for each blob, `limit()` at a time, first come, first served."""

    def __init__(self, content: ContentStore, limit: Callable[[], int], attempts: Callable[[], int]) -> None:
        self._content = content
        self._limit = limit
        self._attempts = attempts
        self._opening = asyncio.Lock()
        self._shared: dict[str, Joined] = {}
        self._users: dict[Download, int] = {}
        self._queue: list[asyncio.Future[None]] = []
        self._running = 0

    @asynccontextmanager
    async def join(self, repository: Repository, blob: Descriptor, watcher: Seen) -> AsyncIterator[Joined]:
        """Have a blob fetched, or share in fetching it. When the last who wants it leaves early, it is given up."""
        async with self._opening:
            joined = self._shared.get(blob.digest)
            if joined is None or joined.download.blob.size != blob.size:
                download = await self._begin(repository, blob)
                joined = Joined(download, asyncio.ensure_future(self._run(download)))
                self._shared[blob.digest] = joined
                self._users[download] = 0
            download = joined.download
            download.watchers.append(watcher)
            self._users[download] += 1
        try:
            yield joined
        finally:
            download.watchers.remove(watcher)
            self._users[download] -= 1
            if not self._users[download]:
                await asyncio.shield(asyncio.ensure_future(self._end(joined)))

    async def _begin(self, repository: Repository, blob: Descriptor) -> Download:
        """Make a download; one that comes too late for who has left meanwhile is closed."""
        making = asyncio.ensure_future(asyncio.to_thread(Download, self._content, repository, blob, self._attempts()))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(_close)
            raise

    async def _end(self, joined: Joined) -> None:
        download = joined.download
        del self._users[download]
        self._forget(download)
        joined._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, PoguError):
            await joined._task
        await asyncio.to_thread(download.close)

    async def _run(self, download: Download) -> None:
        await self._turn()
        try:
            await run_in_thread(download.run, download.cancel, "download")
        except Cancelled:
            raise asyncio.CancelledError from None
        except PoguError:
            self._forget(download)  # whoever comes now tries anew
            raise
        finally:
            self._running -= 1
            self._next()

    def _forget(self, download: Download) -> None:
        shared = self._shared.get(download.blob.digest)
        if shared is not None and shared.download is download:
            del self._shared[download.blob.digest]

    async def _turn(self) -> None:
        """Wait until fewer than the limit run."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        self._next()
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._queue:
                self._queue.remove(turn)
            elif not turn.cancelled():  # its turn had come just then
                self._running -= 1
                self._next()
            raise

    def _next(self) -> None:
        while self._queue and self._running < self._limit():
            turn = self._queue.pop(0)
            if not turn.done():
                self._running += 1
                turn.set_result(None)


def _close(made: asyncio.Future[Download]) -> None:
    if not made.cancelled() and made.exception() is None:
        asyncio.get_running_loop().run_in_executor(None, made.result().close)
