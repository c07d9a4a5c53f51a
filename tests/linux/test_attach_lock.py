"""The wait before a move into a cgroup, begun early."""

from __future__ import annotations

import os
import threading

from pogu.linux import attach_lock
from pogu.linux.cgroups import path_of
from tests.engine.runtime.ground import until


async def test_taking_the_lock_moves_nothing() -> None:
    before = path_of(os.getpid(), "freezer")
    lock = attach_lock.AttachLock()
    lock.expect()
    await until(lambda: not lock.is_kept, "the lock to be let go")
    assert path_of(os.getpid(), "freezer") == before
    lock.expect()
    assert lock.is_kept
    lock.close()
    await until(lambda: not _threads(), "the end of the wait")  # the next test counts threads


async def test_it_is_waited_for_in_one_thread_that_ends() -> None:
    lock = attach_lock.AttachLock()
    for _ in range(5):
        lock.expect()
    assert len(_threads()) == 1
    lock.close()
    await until(lambda: not _threads(), "the end of the wait")


def _threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("attach-lock")]
