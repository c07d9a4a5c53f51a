"""Network namespaces that are made before anybody wants them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pogu.engine.networks.kernel import KernelThreads
from pogu.engine.networks.ready_namespaces import ReadyNamespaces
from tests.engine.runtime.ground import until

pytestmark = pytest.mark.root


async def test_the_first_is_not_ready_the_next_are_and_close_ends_them() -> None:
    threads = KernelThreads()
    made: list[int] = []

    def set_up() -> None:
        made.append(Path("/proc/thread-self/ns/net").stat().st_ino)

    ready = ReadyNamespaces(threads, set_up)
    assert ready.take() is None
    await until(lambda: len(made) == 2, "two namespaces")
    await until(lambda: not ready._refilling, "the end of making them")
    taken = ready.take()
    assert taken is not None
    try:
        assert os.fstat(taken).st_ino in made
        assert os.fstat(taken).st_ino != Path("/proc/self/ns/net").stat().st_ino
        await until(lambda: len(made) == 3, "another one")
    finally:
        os.close(taken)
    await threads.close()
    ready.close()
    assert ready.take() is None
