"""Processes started in a running container by `crun exec` or `runc exec`.

The runtime stays as the process's parent, passes our pipes on and ends with its exit code, so nothing of ours stands
between. The file with the PID tells that the process runs; the runtime's log, that it could not.

For a terminal crun sends us the master side of the container's; runc does that only when it does not stay, so it gets
a terminal of ours and copies between the two, and a signal when the size changes.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal as signals
import tempfile
from pathlib import Path

import msgspec

from pogu.engine.runtime import failures
from pogu.engine.runtime.runtimes import Crun, OciRuntime, environment
from pogu.engine.runtime.supervisor import STDERR, STDOUT, ExecProcess, Json
from pogu.failpoints import step
from pogu.linux import inotify, ptys
from pogu.linux.processes import Process, spawn
from pogu.linux.ptys import ConsoleSocket, Stream

_PIECE = 32768
under_way: set[Path] = set()  # the directories of execs that are being started


class RuntimeExec(ExecProcess):
    """See ExecProcess."""

    def __init__(self, runtime: Process, streams: _Streams, pid: int) -> None:
        self.pid = pid
        self._runtime = runtime
        self._streams = streams
        self._pidfd: int | None = None
        self._reads: dict[int, asyncio.Task[bytes]] = {}
        self._end = asyncio.create_task(self._wait())
        try:
            self._pidfd = os.pidfd_open(pid)
        except OSError:  # it has ended already
            self._pidfd = None

    async def write(self, data: bytes) -> None:
        if self._streams.stdin is None:
            raise BrokenPipeError("standard input is closed")
        await self._streams.stdin.write(data)

    async def close_stdin(self) -> None:
        if self._streams.stdin and not self._streams.terminal:
            self._streams.stdin.close()

    async def read(self) -> tuple[int, bytes] | None:
        outputs = self._streams.outputs
        while outputs:
            for number, stream in outputs.items():
                if number not in self._reads:
                    self._reads[number] = asyncio.create_task(stream.read(_PIECE))
            await asyncio.wait(self._reads.values(), return_when=asyncio.FIRST_COMPLETED)
            for number, task in list(self._reads.items()):
                if task.done():
                    del self._reads[number]
                    if data := task.result():
                        return number, data
                    outputs.pop(number).close()
        return None

    async def resize(self, height: int, width: int) -> None:
        terminal = self._streams.terminal
        if terminal and not terminal.closed:
            ptys.set_size(terminal.fileno(), height, width)
            if self._streams.copied:
                self._runtime.send_signal(signals.SIGWINCH)

    async def wait(self) -> int:
        return await asyncio.shield(self._end)

    async def _wait(self) -> int:
        code = await self._runtime.wait()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        return code if code >= 0 else 128 - code

    def kill(self, number: int = signals.SIGKILL) -> None:
        if self._pidfd is not None:
            try:
                signals.pidfd_send_signal(self._pidfd, number)
            except ProcessLookupError:
                pass

    def close(self) -> None:
        for task in self._reads.values():
            task.cancel()
        self._streams.close()


class _Streams:
    """Our ends of a process's input and output, and until it is spawned its ends."""

    def __init__(self) -> None:
        self.stdin: Stream | None = None
        self.outputs: dict[int, Stream] = {}
        self.terminal: Stream | None = None
        self.copied = False  # the runtime copies between our terminal and the container's
        self.theirs: dict[int, int] = {}

    def add_pipes(self, stdin: bool) -> None:
        self.theirs[0], ours = os.pipe()
        if stdin:
            self.stdin = Stream(ours)
        else:  # an end at once, and not /dev/null: crun 1.8 gives what it finds here, the host's device, to the user
            os.close(ours)
        for number in (STDOUT, STDERR):
            ours, self.theirs[number] = os.pipe()
            self.outputs[number] = Stream(ours)

    def add_terminal(self, master: int) -> None:
        self.terminal = self.stdin = Stream(master)
        self.outputs[STDOUT] = self.terminal

    def add_own_terminal(self, size: tuple[int, int] | None) -> None:
        master, slave = os.openpty()
        ptys.set_raw(slave)
        if size:
            ptys.set_size(master, *size)
        self.add_terminal(master)
        self.copied = True
        self.theirs = {0: slave, 1: os.dup(slave), 2: os.dup(slave)}

    def add_nothing(self) -> None:
        """Give the runtime no output of ours: the terminal that it will send has it all."""
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        self.theirs = {1: null, 2: os.dup(null)}

    def close_theirs(self) -> None:
        for fd in self.theirs.values():
            os.close(fd)
        self.theirs = {}

    def close(self) -> None:
        self.close_theirs()
        for stream in (self.stdin, *self.outputs.values()):
            if stream:
                stream.close()


async def start(
    runtime: OciRuntime,
    id: str,
    bundle: Path,
    process: Json,
    events: inotify.Inotify,
    *,
    terminal: bool,
    stdin: bool,
) -> RuntimeExec:
    """Start an OCI `process` in container `id`; see Supervisor.exec for what it raises.

    Cancelled, the process is killed if it had started.
    """
    directory = bundle / f"exec-{secrets.token_hex(6)}"
    under_way.add(directory)
    try:
        return await _start(runtime, id, directory, process, events, terminal=terminal, stdin=stdin)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        under_way.discard(directory)


async def _start(
    runtime: OciRuntime,
    id: str,
    directory: Path,
    process: Json,
    events: inotify.Inotify,
    *,
    terminal: bool,
    stdin: bool,
) -> RuntimeExec:
    directory.mkdir(mode=0o700)
    (directory / "process.json").write_bytes(msgspec.json.encode({**process, "terminal": terminal}))
    launch = _Launch(runtime, id, directory, events)
    step("runtime.exec.directory")
    if not terminal:
        return await launch.with_pipes(stdin)
    wanted = process.get("consoleSize")
    size = (wanted["height"], wanted["width"]) if wanted else None
    if isinstance(runtime, Crun):
        return await launch.with_sent_terminal(size)
    return await launch.with_copied_terminal(size)


class _Launch:
    """One run of the runtime's `exec` command, until the process has started."""

    def __init__(self, runtime: OciRuntime, id: str, directory: Path, events: inotify.Inotify) -> None:
        self._runtime = runtime
        self._id = id
        self._log = directory / "log"
        self._process_file = directory / "process.json"
        self._pid_file = directory / "pid"
        self._directory = directory
        self._events = events
        self._streams = _Streams()

    async def with_pipes(self, stdin: bool) -> RuntimeExec:
        self._streams.add_pipes(stdin)
        return await self._run([])

    async def with_copied_terminal(self, size: tuple[int, int] | None) -> RuntimeExec:
        self._streams.add_own_terminal(size)
        return await self._run([])

    async def with_sent_terminal(self, size: tuple[int, int] | None) -> RuntimeExec:
        """crun 1.8 does not give an exec'd terminal its size; done on receipt, it mostly precedes the program."""
        self._streams.add_nothing()
        # a socket's address has room for 107 bytes (unix(7)), which a bundle's path may not leave
        directory = Path(tempfile.mkdtemp(prefix="pogu-tty-"))
        console = ConsoleSocket(directory / "s")
        received = asyncio.ensure_future(self._receive(console, size))
        try:
            return await self._run(["--console-socket", str(directory / "s")], received)
        finally:
            received.cancel()
            console.close()
            shutil.rmtree(directory, ignore_errors=True)

    async def _receive(self, console: ConsoleSocket, size: tuple[int, int] | None) -> None:
        master = await console.receive()
        if size:
            ptys.set_size(master, *size)
        self._streams.add_terminal(master)

    async def _run(self, options: list[str], received: asyncio.Future[None] | None = None) -> RuntimeExec:
        arguments = [self._runtime.executable(), *self._runtime.global_arguments(self._log), "exec", *options]
        arguments += ["--process", str(self._process_file), "--pid-file", str(self._pid_file), self._id]
        appeared = asyncio.Event()
        watch = self._events.watch(self._directory, inotify.CLOSE_WRITE | inotify.MOVED_TO, lambda *_: appeared.set())
        try:
            parent = spawn(arguments, fds=self._streams.theirs, env=environment(), setsid=True)
            self._streams.close_theirs()
            step("runtime.exec.spawned")
            return await self._started(parent, appeared, received)
        except BaseException:
            self._streams.close()
            raise
        finally:
            self._events.unwatch(watch)

    async def _started(
        self, parent: Process, appeared: asyncio.Event, received: asyncio.Future[None] | None
    ) -> RuntimeExec:
        """Wait until the process runs or cannot; the PID file appears only in the first case."""
        ending = asyncio.ensure_future(parent.wait())
        try:
            while not (pid := self._pid()) and not ending.done():
                appeared.clear()
                waiting = asyncio.ensure_future(appeared.wait())
                await asyncio.wait({waiting, ending}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
            if not (pid := pid or self._pid()):
                raise failures.exec_failure(self._words(), self._program())
            if received:  # crun sends the terminal before it writes the PID
                await received
            return RuntimeExec(parent, self._streams, pid)
        except asyncio.CancelledError:
            if pid := self._pid():
                os.kill(pid, signals.SIGKILL)
            parent.send_signal(signals.SIGKILL)
            raise
        finally:
            ending.cancel()

    def _pid(self) -> int:
        try:
            return int(self._pid_file.read_text() or 0)
        except FileNotFoundError:
            return 0

    def _words(self) -> str:
        try:
            return failures.last_error(self._log.read_text(errors="replace"))
        except OSError:
            return ""

    def _program(self) -> str:
        return str((msgspec.json.decode(self._process_file.read_bytes()).get("args") or [""])[0])
