"""The kernel's wait before a process can be moved into a control group, begun before it matters.

The kernel guards the move with a lock that every fork shares. After a quiet while whoever takes it waits for an RCU
grace period, 5 to 10 ms; those who come within the next 20 ms do not (kernel/rcu/sync.c, `cgroup_threadgroup_rwsem`).
That wait is the longest single part of a container's start. So whoever expects one soon has the lock taken for
nothing meanwhile: a process is moved to where it is.

A host whose hierarchy is mounted with `favordynmods` has no such wait.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from pogu.linux.cgroups import hierarchy, path_of

_CONTROLLER = "freezer"  # any would do: the lock is one for all hierarchies


class AttachLock:
    """Takes the lock in a thread of its own, one at a time."""

    def __init__(self) -> None:
        self._busy = False
        self._thread = ThreadPoolExecutor(1, "attach-lock")

    def expect(self) -> None:
        """Begin the wait unless it goes on already; returns at once."""
        if not self._busy:
            self._busy = True
            self._thread.submit(self._take)

    def close(self) -> None:
        """End the thread. Idempotent; `expect` must not be called any more."""
        self._thread.shutdown(wait=False)

    def _take(self) -> None:
        try:
            touch()
        except OSError:  # it would have been of use only
            pass
        finally:
            self._busy = False


def touch() -> None:
    """Move this process to the group it is in. Blocks for the grace period. Raises OSError."""
    tree = hierarchy().controllers.get(_CONTROLLER) or hierarchy().unified
    if tree is None:
        return
    fd = os.open(f"{tree}{path_of(os.getpid(), _CONTROLLER)}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, b"0")
    finally:
        os.close(fd)
