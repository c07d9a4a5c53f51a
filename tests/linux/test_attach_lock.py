"""The wait before a move into a cgroup, begun early."""

from __future__ import annotations

import os
import threading

from pogu.linux import attach_lock
from pogu.linux.cgroups import path_of
from tests.engine.runtime.ground import until


def test_touching_the_lock_moves_nothing() -> None:
    before = path_of(os.getpid(), "freezer")
    attach_lock.touch()
    assert path_of(os.getpid(), "freezer") == before


async def test_it_is_waited_for_in_one_thread_that_ends() -> None:
    lock = attach_lock.AttachLock()
    for _ in range(5):
        lock.expect()
    names = [t.name for t in threading.enumerate()]
    assert names.count("attach-lock") <= 1
    await until(lambda: "attach-lock" not in [t.name for t in threading.enumerate()], "the end of the wait")
