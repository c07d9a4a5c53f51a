"""The kernel's wait before a process can be moved into a control group, begun before it matters and kept short.

The kernel guards the move with a lock that every fork shares. After a quiet while whoever takes it waits for an RCU
grace period, 5 to 15 ms; those who come within the next 15 ms do not (kernel/rcu/sync.c, `cgroup_threadgroup_rwsem`).
That wait is the longest single part of a container's start. So whoever expects one soon has the lock taken for
nothing meanwhile: a process is moved to where it is. Clients come in rows, so it is taken again and again for a second,
which costs half a percent of a processor for as long.

A host whose hierarchy is mounted with `favordynmods` has no such wait.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

from pogu.linux.cgroups import hierarchy, path_of

_CONTROLLER = "freezer"  # any would do: the lock is one for all hierarchies
_KEPT = 1.0  # seconds that the wait stays out of the way
_AGAIN = 0.01  # seconds


class AttachLock:
    """Takes the lock in a thread of its own."""

    def __init__(self) -> None:
        self._until = 0.0
        self._busy = False
        self._thread = ThreadPoolExecutor(1, "attach-lock")

    def expect(self) -> None:
        """Have the wait out of the way soon and for a second; returns at once."""
        self._until = time.monotonic() + _KEPT
        if not self._busy:
            self._busy = True
            self._thread.submit(self._keep)

    @property
    def is_kept(self) -> bool:
        """Whether the thread is at it."""
        return self._busy

    def close(self) -> None:
        """End the thread. Idempotent; `expect` must not be called any more."""
        self._until = 0.0
        self._thread.shutdown(wait=False)

    def _keep(self) -> None:
        try:
            fd = _own_group()
            try:
                while time.monotonic() < self._until:
                    touch(fd)
                    time.sleep(_AGAIN)
            finally:
                os.close(fd)
        except OSError:  # it would have been of use only
            pass
        finally:
            self._busy = False


def _own_group() -> int:
    """Open the list of processes of the group that this process is in. Raises OSError."""
    tree = hierarchy().controllers.get(_CONTROLLER) or hierarchy().unified
    if tree is None:
        raise FileNotFoundError("this host has no control groups")
    return os.open(f"{tree}{path_of(os.getpid(), _CONTROLLER)}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)


def touch(group: int) -> None:
    """Move this process to the group it is in. Blocks for the grace period. Raises OSError."""
    os.write(group, b"0")
