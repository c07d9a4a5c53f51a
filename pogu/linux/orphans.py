"""Orphans of containers: processes whose parent, a program of ours, has ended before them.

They would go to the host's first process. Where that does not reap them (a shell, `sleep`, the daemon itself in a
container) a container's PID namespace cannot end, since its first process waits for them (pid_namespaces(7)). So the
daemon takes them, and reaps those that belong to containers. Other programs' children are none of our business: a
library in this process may be waiting for them.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from pathlib import Path

from pogu.linux import processes

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_CHILD_SUBREAPER = 36
_SETTLES_AFTER = 0.05  # seconds
_RUNTIMES = ("crun", "runc")


class OrphanReaper:
    """Takes the orphans of this process's descendants, and reaps those of containers when one of our children ends."""

    def __init__(self) -> None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)
        self._loop = asyncio.get_running_loop()
        self._pending: asyncio.TimerHandle | None = None
        processes.on_exit(self._soon)

    def reap(self) -> int:
        """Reap the orphans that have ended; return how many."""
        return sum(1 for pid in _children() if _is_ours_to_reap(pid) and _reap(pid))

    def close(self) -> None:
        """Stop reaping. Orphans still come to this process."""
        processes.on_exit(None)
        if self._pending:
            self._pending.cancel()

    def _soon(self) -> None:
        if self._pending is None and not self._loop.is_closed():
            self._pending = self._loop.call_later(_SETTLES_AFTER, self._run)

    def _run(self) -> None:
        self._pending = None
        self.reap()


def _children() -> list[int]:
    """Return the PIDs of our children, whichever of our threads they belong to."""
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:  # the thread has ended
            continue
    return found


def _is_ours_to_reap(pid: int) -> bool:
    if processes.is_known(pid):
        return False
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    inside = len(fields.get("NSpid", "").split()) > len(_own_nspid())
    return fields["State"].strip().startswith("Z") and (inside or fields["Name"].strip().startswith(_RUNTIMES))


def _own_nspid() -> list[str]:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return line.split()[1:]
    return [""]


def _reap(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return False
