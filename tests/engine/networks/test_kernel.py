"""Threads for the kernel, and operations that run to their end."""

from __future__ import annotations

import asyncio
import threading

import pytest

from pogu.engine.networks.kernel import KernelThreads


async def test_calls_run_in_threads_of_their_own() -> None:
    threads = KernelThreads()
    name = await threads.call(lambda: threading.current_thread().name)
    assert name.startswith("network")
    with pytest.raises(ZeroDivisionError):
        await threads.call(lambda: 1 // 0)
    await threads.close()


async def test_an_operation_outlives_its_caller() -> None:
    threads, done = KernelThreads(), []

    async def operation() -> None:
        await asyncio.sleep(0.05)
        done.append(True)

    task = asyncio.create_task(threads.finish(operation()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == []
    await threads.close()
    assert done == [True]


async def test_closing_cuts_pauses_short() -> None:
    threads, done = KernelThreads(), []

    async def later() -> None:
        await threads.pause(3600)
        done.append(True)

    threads.start_soon(later())
    await threads.pause(0.01)
    assert done == []
    await threads.close()
    assert done == [True]
