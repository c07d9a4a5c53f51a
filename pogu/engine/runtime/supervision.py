"""One container under supervision: how its end is noticed and its exit code found."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from pogu.engine.runtime.bundle import Bundle, Supervised, open_process
from pogu.engine.runtime.runtimes import OciRuntime
from pogu.engine.runtime.supervisor import Exit
from pogu.linux.cgroups import Cgroup
from pogu.linux.processes import Process

_ENDS_NOW = 0.2  # seconds from the end of a container's last process to that of its first
_ENDS_WITHIN = 10.0  # seconds for conmon to notice that its killed container has ended


@dataclass(slots=True)
class Supervision:
    """A container that this daemon or an earlier one created."""

    id: str
    bundle: Bundle
    record: Supervised
    runtime: OciRuntime
    cgroup: Cgroup
    init: int | None  # pidfd, None once it has ended
    exit: asyncio.Future[Exit]
    watcher: asyncio.Task[None] | None = None
    oom: bool = False  # the kernel has killed a process of it for want of memory
    control: asyncio.Lock = field(default_factory=asyncio.Lock)  # of conmon's control FIFO
    watches: list[int] = field(default_factory=list)  # of inotify

    def watch_child(self, conmon: Process) -> None:
        """Conclude when our own child conmon ends."""

        async def watch() -> None:
            await conmon.wait()
            await self._conclude()

        self.watcher = asyncio.create_task(watch())

    def watch_adopted(self) -> None:
        """Conclude when the conmon that an earlier daemon started ends, or at once if it has."""
        conmon = open_process(self.record.conmon)

        async def watch() -> None:
            if conmon is not None:
                try:
                    await ended(conmon)
                finally:
                    os.close(conmon)
            await self._conclude()

        self.watcher = asyncio.create_task(watch())

    async def ends(self) -> bool:
        """Tell whether the first process has ended, or does just now: the others of its namespace end before it."""
        if self.init is None:
            return True
        init = os.dup(self.init)
        try:
            async with asyncio.timeout(_ENDS_NOW):
                await ended(init)
        except TimeoutError:
            return False
        finally:
            os.close(init)
        return True

    def signal(self, number: int) -> None:
        """Send a signal to the first process; nothing happens when it has ended."""
        if self.init is not None:
            send(self.init, number)

    async def kill(self) -> None:
        """Kill the container and wait until its conmon has written the exit code, or is killed too."""
        await asyncio.to_thread(self.cgroup.kill)
        self.signal(signal.SIGKILL)
        if not self.exit.done() and (conmon := open_process(self.record.conmon)) is not None:
            try:
                async with asyncio.timeout(_ENDS_WITHIN):
                    await ended(conmon)
            except TimeoutError:
                send(conmon, signal.SIGKILL)
            finally:
                os.close(conmon)
        if self.watcher:
            await asyncio.wait({self.watcher}, timeout=_ENDS_WITHIN)
        self._close_init()

    async def _conclude(self) -> None:
        """Say how the container ended, now that its conmon has; without a conmon it cannot go on."""
        persist_dir = Path(self.record.persist_dir)
        known = (persist_dir / "exit").exists()
        if not known or not self.record.own_pids:
            await asyncio.to_thread(self.cgroup.kill)
        if not known:
            self.signal(signal.SIGKILL)
        self._close_init()
        if not self.exit.done():
            self.exit.set_result(read_exit(persist_dir, self.oom or self.cgroup.oom_kills() > 0))

    def _close_init(self) -> None:
        if self.init is not None:
            os.close(self.init)
            self.init = None


def read_exit(persist_dir: Path, oom: bool = False) -> Exit:
    """Read the exit code that conmon left; without it only the time of asking is known."""
    file = persist_dir / "exit"
    oom = oom or (persist_dir / "oom").exists()
    now = time.time_ns()
    try:
        code, written = int(file.read_text()), file.stat().st_mtime_ns
    except (OSError, ValueError):
        return Exit(None, oom, now)
    # a file's time comes from a clock that ticks every few milliseconds, and would be before the start of a short run
    return Exit(code, oom, now if now - written < 1_000_000_000 else written)


async def ended(pidfd: int) -> None:
    """Wait for the end of a process that need not be our child: its pidfd becomes readable (pidfd_open(2))."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    loop.add_reader(pidfd, lambda: None if waiter.done() else waiter.set_result(None))
    try:
        await waiter
    finally:
        loop.remove_reader(pidfd)


def send(pidfd: int, number: int) -> None:
    """Send a signal to a process that may have ended."""
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        pass
