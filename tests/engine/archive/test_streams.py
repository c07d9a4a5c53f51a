"""Bytes between threads and the loop: in order, bounded, and ending when either side leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from pogu.engine.archive import ThreadReader, produce_in_thread, run_in_thread
from pogu.errors import Cancelled


async def chunks(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


async def test_a_thread_reads_what_the_loop_sends() -> None:
    reader = ThreadReader(chunks(b"ab", b"", b"cdef"))

    def work() -> list[bytes]:
        return [reader.read(1), reader.read(10), reader.read(3), reader.read(), reader.read(5)]

    assert await run_in_thread(work, reader.cancel, "test") == [b"a", b"b", b"cde", b"f", b""]


async def test_an_error_of_the_sender_reaches_the_thread() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise ConnectionResetError("gone")

    reader = ThreadReader(broken())
    with pytest.raises(ConnectionResetError):
        await run_in_thread(reader.read, reader.cancel, "test")


async def test_cancelling_frees_a_thread_that_waits_for_its_sender() -> None:
    waiting = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        waiting.set()
        await asyncio.Event().wait()
        yield b""

    reader = ThreadReader(stuck())
    ended = threading.Event()

    def work() -> None:
        try:
            reader.read(1)
        except Cancelled:
            ended.set()
            raise

    task = asyncio.create_task(run_in_thread(work, reader.cancel, "test"))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()  # the thread was waited for


async def test_a_cancelled_caller_waits_for_its_thread() -> None:
    go_on = threading.Event()
    started = threading.Event()
    done: list[str] = []

    def work() -> None:
        started.set()
        go_on.wait()
        done.append("finished")

    task = asyncio.create_task(run_in_thread(work, go_on.set, "test"))
    await asyncio.to_thread(started.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["finished"]


async def test_what_a_thread_emits_arrives_in_order() -> None:
    def work(emit: Callable[[bytes], None]) -> None:
        for i in range(100):
            emit(b"%d," % i)

    data = b"".join([c async for c in produce_in_thread(work, "test")])
    assert data == b"".join(b"%d," % i for i in range(100))


async def test_a_thread_is_never_far_ahead_of_its_reader() -> None:
    emitted = 0

    def work(emit: Callable[[bytes], None]) -> None:
        nonlocal emitted
        for _ in range(1000):
            emit(b"x")
            emitted += 1

    stream = produce_in_thread(work, "test")
    await anext(stream)
    await asyncio.sleep(0.05)
    assert emitted < 20
    await stream.aclose()  # type: ignore[attr-defined]
    assert emitted < 40


async def test_an_error_in_the_thread_comes_after_what_it_emitted() -> None:
    def work(emit: Callable[[bytes], None]) -> None:
        emit(b"first")
        raise ValueError("then this")

    found = []
    with pytest.raises(ValueError, match="then this"):
        async for chunk in produce_in_thread(work, "test"):
            found.append(chunk)
    assert found == [b"first"]


async def test_a_reader_that_leaves_ends_the_thread() -> None:
    ended = threading.Event()

    def work(emit: Callable[[bytes], None]) -> None:
        try:
            while True:
                emit(b"x")
        finally:
            ended.set()

    stream = produce_in_thread(work, "test")
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert ended.is_set()


async def test_a_cancelled_reader_ends_the_thread() -> None:
    ended = threading.Event()
    reading = asyncio.Event()

    def work(emit: Callable[[bytes], None]) -> None:
        try:
            while True:
                emit(b"x")
        finally:
            ended.set()

    async def read() -> None:
        async for _ in produce_in_thread(work, "test"):
            reading.set()
            await asyncio.sleep(0)

    task = asyncio.create_task(read())
    await reading.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(ended.wait, 5)
    assert ended.is_set()
