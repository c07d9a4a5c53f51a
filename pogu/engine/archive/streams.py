"""Byte streams between the event loop and threads that work on trees of files.

Archive work blocks, so it runs in a thread of its own for each stream: a client that reads or sends slowly holds
only that thread, never a worker of the shared pool.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import errno
import io
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol, TypeVar

from pogu.errors import Cancelled

T = TypeVar("T")
CHUNK = 256 << 10  # bytes that pass between a thread and the loop at a time
_NOT_BETWEEN = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)
_AHEAD = 8  # chunks a producer may be ahead of its reader


class Readable(Protocol):
    """A blocking source of bytes: an open file, a decompressor, `ThreadReader`."""

    def read(self, size: int = ..., /) -> bytes:
        """Return at most `size` bytes (all of them if negative); b"" only at the end."""
        ...


class FileReader:
    """A `Readable` over a file, whose bytes can go to another file without passing through this process."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file

    def read(self, size: int = -1, /) -> bytes:
        return self._file.read(size) or b""  # None is for files that do not block

    def copy_to(self, fd: int, most: int) -> int:
        """Copy up to `most` of the next bytes to the place where `fd` is; return how many, 0 at the end.

        -1 where the kernel does not do that between these two files (copy_file_range(2)).
        """
        try:
            return os.copy_file_range(self._file.fileno(), fd, most)
        except OSError as e:
            if e.errno in _NOT_BETWEEN:
                return -1
            raise


class ThreadReader:
    """A `Readable`, for use in a thread, over an asynchronous iterator of the loop that made it.

    Reads raise what the iterator raises, and `Cancelled` after `cancel`.
    """

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self._loop = asyncio.get_running_loop()
        self._rest = b""
        self._at = 0  # what of it was handed out
        self._ended = False
        self._cancelled = False
        self._pending: concurrent.futures.Future[bytes | None] | None = None

    def cancel(self) -> None:
        """Make this and every later read fail, so that the thread ends soon. Called on the loop."""
        self._cancelled = True
        if self._pending is not None:
            self._pending.cancel()

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        while self._at == len(self._rest) and not self._ended:
            self._fetch()
        piece = self._rest[self._at : self._at + size]  # all of it is no copy
        self._at += len(piece)
        return piece

    def _fetch(self) -> None:
        self._pending = asyncio.run_coroutine_threadsafe(self._next(), self._loop)
        if self._cancelled:  # looked at after `_pending` is set, so that one of the two sides sees the other
            self._pending.cancel()
        try:
            chunk = self._pending.result()
        except concurrent.futures.CancelledError:
            raise Cancelled("the archive's sender has gone") from None
        if chunk is None:
            self._ended = True
        else:
            self._rest, self._at = bytes(chunk), 0

    async def _next(self) -> bytes | None:
        return await anext(self._source, None)


async def run_in_thread(work: Callable[[], T], cancel: Callable[[], None], name: str) -> T:
    """Run blocking `work` in a thread of its own and return its result.

    When the caller is cancelled, `cancel` is called (it should make `work` fail soon) and the thread is waited for,
    so that nothing works behind the caller's back on what the caller then cleans up.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type] # None only where T allows it

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as e:  # it is handed to whoever awaits
            error = e
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        cancel()
        with contextlib.suppress(BaseException):
            await _wait_out(done)
        raise


async def _wait_out(done: asyncio.Future[T]) -> None:
    """Wait until `done` has settled, whatever is cancelled meanwhile."""
    while not done.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([done])
    done.exception()


class _Channel:
    """A bounded queue from one thread to the loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self._closed = False

    def put(self, chunk: bytes) -> None:
        """Hand over a chunk, waiting while the reader is behind. Called in the thread."""
        self._room.acquire()
        if self._closed:
            raise Cancelled("the archive's reader has gone")
        self._loop.call_soon_threadsafe(self._queue.put_nowait, chunk)

    def finish(self) -> None:
        """Say that nothing follows. Called in the thread."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._queue.put_nowait, None)

    async def get(self) -> bytes | None:
        chunk = await self._queue.get()
        self._room.release()
        return chunk

    def close(self) -> None:
        """Make the thread's next `put` fail."""
        self._closed = True
        self._room.release()


async def produce_in_thread(work: Callable[[Callable[[bytes], None]], None], name: str) -> AsyncGenerator[bytes, None]:
    """Yield what `work(emit)` emits in a thread of its own, with back-pressure.

    An error in `work` is raised after the chunks before it. Closing the iterator ends the thread and waits for it.
    """
    channel = _Channel()

    def run() -> None:
        try:
            work(channel.put)
        finally:
            channel.finish()

    task = asyncio.ensure_future(run_in_thread(run, channel.close, name))
    try:
        while (chunk := await channel.get()) is not None:
            yield chunk
        await task
    finally:
        channel.close()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
