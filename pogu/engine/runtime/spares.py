"""Spare supervisors: conmon with crun below it, started ahead and waiting for a configuration.

Starting the two programs takes longer than what they do. A spare has done that already: crun reads its configuration
from a FIFO that nobody has written to yet. To become a container's, its directory and its log are renamed to what
they would be called otherwise, and the configuration is written. Without terminal and input all containers look the
same to conmon, so a spare suits any of those; others, and those for which no spare is ready, start as ever.

    <run>/spares/<token>/         becomes the bundle
    <root>/spools/<token>/        conmon's log; becomes a symlink to the container's directory, for reopening the log
    <run>/crun/<token>/           crun's state, once it has its configuration; becomes <run>/crun/<container ID>/

A daemon that dies leaves the writing ends of the FIFOs closed, at which crun and conmon give up by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import secrets
import select
import shutil
import signal
from pathlib import Path
from typing import Any

from pogu.engine.config import EngineConfig
from pogu.engine.runtime.bundle import Bundle, find_conmon
from pogu.engine.runtime.launching import created, start_conmon
from pogu.engine.runtime.runtimes import Crun, OciRuntime
from pogu.engine.runtime.supervisor import LaunchSpec
from pogu.failpoints import step
from pogu.linux.processes import Process
from pogu.linux.ptys import Stream

PREFIX = "spare-"
_REFILL_AFTER = 0.02  # seconds after a start: its own work comes first
_LOOK_EVERY = 0.01  # seconds, until crun waits for its configuration
_GIVE_UP_AFTER = 500  # looks
_KEEP = 300.0  # seconds that spares wait for the next start
_LARGEST = 60_000  # bytes; a pipe takes 65,536 at once


class Spare:
    """One conmon and its crun; `ready` once crun waits for what to run."""

    def __init__(self, runtime: OciRuntime, config: EngineConfig) -> None:
        self.token = PREFIX + secrets.token_hex(8)
        self.runtime = runtime
        self.bundle = Bundle(config.run / "spares" / self.token)
        self.spool = config.root / "spools" / self.token
        self._fifo = -1
        self.bundle.path.mkdir(parents=True, mode=0o700)
        self.spool.mkdir(parents=True, mode=0o700)
        os.mkfifo(self.bundle.path / "config.json", 0o600)
        shape = LaunchSpec(self.token, {}, self.spool / "output.log", self.spool / "exit")
        read_end, write_end = os.pipe()
        self._sync = Stream(read_end)
        try:
            self.process: Process = start_conmon(shape, self.bundle, runtime, config.run, write_end)
        except BaseException:
            self._sync.close()
            self._remove()
            raise

    @property
    def ready(self) -> bool:
        """Whether it can become a container's now."""
        return self._fifo >= 0 and self.process.returncode is None and not _is_readable(self.process.pidfd)

    def look(self) -> bool:
        """Find out whether crun waits by now; True if there is nothing more to find out."""
        if self.process.returncode is not None:
            return True
        with contextlib.suppress(OSError):  # ENXIO: nobody reads yet
            self._fifo = os.open(self.bundle.path / "config.json", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        return self._fifo >= 0

    def rename(self, spec: LaunchSpec, bundle: Bundle, configuration: bytes) -> None:
        """Move all that it has to where a container's is. Raises OSError."""
        part = self.bundle.path / "config.part"
        part.write_bytes(configuration)
        part.rename(self.bundle.path / "config.json")  # crun copies it, by name, when it has read the FIFO
        self.bundle.path.rename(bundle.path)
        self.bundle = bundle
        step("runtime.spare.renamed")
        (self.spool / "output.log").rename(spec.log_path)
        self.spool.rmdir()
        step("runtime.spare.logs")
        self.spool.symlink_to(spec.log_path.parent)

    async def become(self, spec: LaunchSpec, configuration: bytes) -> tuple[Process, int]:
        """Create the container; call `rename` first. Returns and raises as `launch`."""
        try:
            with contextlib.suppress(BrokenPipeError):  # its end tells the same
                os.write(self._fifo, configuration)
            self._close_fifo()
            step("runtime.spare.configured")
            pid = await created(self.process, self._sync, spec, self.bundle, self.runtime)
            step("runtime.spare.created")
            self.runtime.state_directory(self.token).rename(self.runtime.state_directory(spec.id))
            return self.process, pid
        finally:
            self._sync.close()

    async def end(self) -> None:
        """Give it up, whatever it has become."""
        self._close_fifo()
        self.process.send_signal(signal.SIGKILL)  # crun dies with it (PR_SET_PDEATHSIG)
        self._sync.close()
        await self.process.wait()
        await self.runtime.forget(self.token)
        await asyncio.to_thread(self._remove)

    def _remove(self) -> None:
        self.bundle.remove()
        remove_spool(self.spool)

    def _close_fifo(self) -> None:
        if self._fifo >= 0:
            os.close(self._fifo)
            self._fifo = -1


class Spares:
    """Keeps some spares of the runtime that was used last, as long as containers are started now and then."""

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._wanted = config.spare_supervisors
        self._spares: list[Spare] = []
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, runtime: OciRuntime, spec: LaunchSpec, size: int) -> Spare | None:
        """Return a spare for a container with a configuration of `size` bytes, the caller's from now on.

        None where no one is ready or it would not suit: one that has logged before needs its log as it is.
        """
        if not self._wanted or not isinstance(runtime, Crun) or not _suits(spec, size):
            return None
        for spare in self._spares:
            if spare.ready and spare.runtime is runtime:
                self._spares.remove(spare)
                return spare
        return None

    def used(self, runtime: OciRuntime) -> None:
        """Note that a container was started: there will be spares for the next ones soon."""
        if self._wanted and isinstance(runtime, Crun):
            self._later(_REFILL_AFTER, self._refill, runtime)

    async def fill(self, runtime: OciRuntime) -> None:
        """Have all spares ready when this returns."""
        self._refill(runtime)
        for _ in range(_GIVE_UP_AFTER):
            waiting = [spare for spare in self._spares if not spare.ready and not spare.look()]
            if not waiting:
                return
            await asyncio.sleep(_LOOK_EVERY)

    async def close(self) -> None:
        """End all spares. There will be no others."""
        self._wanted = 0
        if self._timer:
            self._timer.cancel()
        self._give_up()
        await asyncio.gather(*self._tasks)

    def _refill(self, runtime: OciRuntime) -> None:
        for spare in [s for s in self._spares if s.runtime is not runtime or s.process.returncode is not None]:
            self._drop(spare)
        with contextlib.suppress(OSError):
            while len(self._spares) < self._wanted:
                self._spares.append(Spare(runtime, self._config))
        self._look(_GIVE_UP_AFTER)

    def _look(self, left: int) -> None:
        waiting = [spare for spare in self._spares if not spare.ready and not spare.look()]
        if waiting and left:
            self._later(_LOOK_EVERY, self._look, left - 1)
        else:
            self._later(_KEEP, self._give_up)

    def _give_up(self) -> None:
        for spare in list(self._spares):
            self._drop(spare)

    def _drop(self, spare: Spare) -> None:
        self._spares.remove(spare)
        task = asyncio.create_task(spare.end(), name=f"end of {spare.token}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _later(self, seconds: float, what: Any, *arguments: Any) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, what, *arguments)


def _is_readable(pidfd: int) -> bool:
    """Say whether a process has ended, which the event loop may not have noticed yet."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def _suits(spec: LaunchSpec, size: int) -> bool:
    return (
        not spec.terminal
        and not spec.stdin
        and size <= _LARGEST
        and spec.log_path.name == "output.log"
        and spec.persist_dir == spec.log_path.parent / "exit"
        and not spec.log_path.exists()
    )


def remove_spool(spool: Path) -> None:
    """Remove what a spare's log was reached by. Idempotent."""
    try:
        spool.unlink(missing_ok=True)
    except OSError as e:
        if e.errno not in (errno.EISDIR, errno.EPERM):
            raise
        shutil.rmtree(spool, ignore_errors=True)


def sweep(config: EngineConfig, spools: set[str]) -> None:
    """Remove the spares that a killed daemon left; `spools` are those that containers have. Blocks."""
    spares = config.run / "spares"
    for left in spares.iterdir() if spares.exists() else ():
        if pid := find_conmon(left):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(left, ignore_errors=True)
    known = config.root / "spools"
    for spool in known.iterdir() if known.exists() else ():
        if str(spool) not in spools:
            remove_spool(spool)
    for state in (config.run / "crun").glob(f"{PREFIX}*"):
        shutil.rmtree(state, ignore_errors=True)
