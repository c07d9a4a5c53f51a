"""Further processes in a running container: `exec`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from pogu.engine.containers.attach import AttachSession
from pogu.engine.containers.detach import DetachScanner, parse_detach_keys
from pogu.engine.containers.lifecycle.specification import exec_process
from pogu.engine.containers.lifecycle.state import require_live
from pogu.engine.containers.output import discard_output, read_output
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.naming import new_id
from pogu.engine.runtime import ExecProcess
from pogu.errors import CommandNotExecutable, CommandNotFound, Conflict, InvalidArgument, NotFound, PoguError
from pogu.failpoints import step

EXIT_GRACE = 2.0  # seconds from the end of the output to the exit; a process may also close its output and go on
KEPT_ENDED = 256  # ended ones that can still be inspected, for each container


@dataclass(slots=True)
class ExecConfig:
    """What to run. `console_size` is (rows, columns)."""

    cmd: list[str]
    env: list[str] = field(default_factory=list)
    user: str = ""
    working_dir: str = ""
    tty: bool = False
    privileged: bool = False
    attach_stdin: bool = False
    attach_stdout: bool = False
    attach_stderr: bool = False
    detach_keys: str = ""
    console_size: tuple[int, int] | None = None


@dataclass(slots=True, eq=False)
class Exec:
    """One prepared, running or ended process. `exit_code` is None until it has ended; `pid` is the host's."""

    id: str
    container_id: str
    config: ExecConfig
    running: bool = False
    exit_code: int | None = None
    pid: int = 0
    started: bool = False
    process: ExecProcess | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def event(self, action: str) -> str:
        """Return the action of an event about it, its command included."""
        program, *arguments = self.config.cmd
        return f"{action}: {program} {' '.join(arguments)}"  # with the space even where nothing follows, as in Docker


class ExecSession(AttachSession):
    """A client attached to an exec'd process."""

    def __init__(self, rooms: Rooms, entry: Entry, exec_: Exec, process: ExecProcess) -> None:
        config = exec_.config
        scanner = DetachScanner(parse_detach_keys(config.detach_keys)) if config.tty and config.attach_stdin else None
        super().__init__(self._output(), scanner)
        self._rooms, self._entry, self._exec, self._process = rooms, entry, exec_, process
        self._let_go = False

    async def _output(self) -> AsyncGenerator[tuple[int, bytes], None]:
        config = self._exec.config
        wanted = {n for n, on in ((1, config.attach_stdout), (2, config.attach_stderr)) if on}
        pieces = read_output(self._process, self.detached)
        try:
            async for piece in pieces:
                if piece[0] in wanted:
                    yield piece
            if not self.detached.is_set():
                await self._exit_code_known()
        finally:
            await pieces.aclose()

    async def _exit_code_known(self) -> None:
        """Clients ask for the exit code as soon as the output has ended: let it be there."""
        try:
            async with asyncio.timeout(EXIT_GRACE):
                await self._exec.ended.wait()
        except TimeoutError:
            pass

    def detach(self) -> None:
        super().detach()
        self._rooms.publish(self._entry, "exec_detach", execID=self._exec.id)

    async def _send(self, data: bytes) -> None:
        if self._exec.config.attach_stdin:
            await self._process.write(data)

    async def close_stdin(self) -> None:
        if self._exec.config.attach_stdin and not self.detached.is_set():
            await self._process.close_stdin()

    async def close(self) -> None:
        """Let go; a process that still runs goes on, and its output is thrown away so that it does not block."""
        self.detached.set()
        await super().close()
        if not self._let_go:
            self._let_go = True
            self._rooms.spawn(discard_output(self._process), f"output of exec {self._exec.id}")


class Execs:
    """All exec'd processes by ID. They are not kept over a restart of the daemon, as in Docker."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._all: dict[str, Exec] = {}

    def create(self, ref: str, config: ExecConfig) -> str:
        """Prepare a process and return its ID.

        Raises:
            NotFound: no such container.
            Conflict: it is not running, or paused.
            InvalidArgument: no command, bad detach keys or variables.
        """
        if not config.cmd:
            raise InvalidArgument("No exec command specified")
        entry = self._rooms.table.find(ref)
        self._require_running(entry, ref)
        self._rooms.supervisor.expect()
        parse_detach_keys(config.detach_keys, "escape")
        for text in (*config.cmd, *config.env, config.user, config.working_dir):
            if "\0" in text:
                raise InvalidArgument("exec parameters must not contain a null byte")
        for variable in config.env:
            if not variable or variable.startswith("="):
                raise InvalidArgument(f"invalid environment variable: {variable}")
        exec_ = Exec(new_id(), entry.id, config)
        self._all[exec_.id] = exec_
        self._forget_old(entry)
        entry.execs.add(exec_.id)
        self._rooms.publish(entry, exec_.event("exec_create"), execID=exec_.id)
        return exec_.id

    def get(self, id_: str) -> Exec:
        """Return a process. Raises NotFound."""
        exec_ = self._all.get(id_)
        if exec_ is None:
            found = [e for i, e in self._all.items() if id_ and i.startswith(id_)]
            if len(found) != 1:
                raise NotFound(f"No such exec instance: {id_}")
            exec_ = found[0]
        return exec_

    def check(self, id_: str) -> None:
        """Raise what `start` would raise before it begins: NotFound, Conflict."""
        exec_ = self.get(id_)
        if exec_.exit_code is not None:
            raise Conflict(f"exec command {exec_.id} has already run")
        if exec_.started:
            raise Conflict(f"exec command {exec_.id} is already running")
        self._require_running(self._entry(exec_), exec_.container_id)

    async def start(
        self, id_: str, *, detach: bool, tty: bool = False, size: tuple[int, int] | None = None
    ) -> ExecSession | None:
        """Start a prepared process; return its streams, None with `detach`.

        Raises:
            NotFound, Conflict: it is not there, ran before, or its container does not run.
            CommandNotFound, CommandNotExecutable: as the runtime found; the exit code is 127 or 126 then.
        """
        self.check(id_)
        exec_ = self.get(id_)
        entry = self._entry(exec_)
        exec_.started = True
        self._rooms.supervisor.expect()
        exec_.config.console_size = size or exec_.config.console_size
        self._rooms.publish(entry, exec_.event("exec_start"), execID=exec_.id)
        try:
            process = await self._rooms.shielded(self._run(entry, exec_, detach), f"exec {exec_.id}")
        except (PoguError, OSError) as e:
            exec_.exit_code = _exit_code(e)
            entry.execs.discard(exec_.id)
            self._rooms.publish(entry, "exec_die", execID=exec_.id, exitCode=str(exec_.exit_code))
            raise
        if detach:
            return None
        return ExecSession(self._rooms, entry, exec_, process)

    async def _run(self, entry: Entry, exec_: Exec, detach: bool) -> ExecProcess:
        config = exec_.config
        stdin = config.attach_stdin and not detach
        if config.working_dir and not config.working_dir.startswith("/"):
            raise InvalidArgument("OCI runtime exec failed: exec failed: Cwd must be an absolute path: unknown")
        description = await exec_process(self._rooms, entry, config)
        step("container.exec.described")
        process = await self._rooms.supervisor.exec(entry.id, description, terminal=config.tty, stdin=stdin)
        try:
            step("container.exec.running")
            if config.tty and config.console_size:
                await process.resize(*config.console_size)
        except BaseException:
            process.kill()
            process.close()
            raise
        exec_.process, exec_.pid, exec_.running = process, process.pid, True
        self._rooms.spawn(self._watch(entry, exec_, process), f"exec {exec_.id}")
        if detach:
            self._rooms.spawn(discard_output(process), f"output of exec {exec_.id}")
        return process

    async def _watch(self, entry: Entry, exec_: Exec, process: ExecProcess) -> None:
        code = await process.wait()
        step("container.exec.ended")
        exec_.running, exec_.exit_code = False, code
        exec_.ended.set()
        entry.execs.discard(exec_.id)
        self._rooms.publish(entry, "exec_die", execID=exec_.id, exitCode=str(code))

    async def resize(self, id_: str, height: int, width: int) -> None:
        """Set the size of a process's terminal. Raises NotFound; Conflict when it does not run."""
        exec_ = self.get(id_)
        if exec_.process is None or not exec_.running:
            raise Conflict(f"exec process is not started: {exec_.id}")
        await exec_.process.resize(height, width)

    def forget(self, container_id: str) -> None:
        """Drop the processes of a container that is gone."""
        for id_ in [i for i, e in self._all.items() if e.container_id == container_id]:
            del self._all[id_]

    def _forget_old(self, entry: Entry) -> None:
        """Keep the memory that ended processes take bounded: healthchecks by `docker exec` run for years."""
        ended = [i for i, e in self._all.items() if e.container_id == entry.id and e.exit_code is not None]
        for id_ in ended[: max(0, len(ended) - KEPT_ENDED)]:
            del self._all[id_]

    def _entry(self, exec_: Exec) -> Entry:
        entry = self._rooms.table.get(exec_.container_id)
        if entry is None:
            raise NotFound(f"No such container: {exec_.container_id}")
        return entry

    @staticmethod
    def _require_running(entry: Entry, shown: str) -> None:
        require_live(entry)
        if entry.record.state.paused:
            raise Conflict(f"Container {shown} is paused, unpause the container before exec")


def _exit_code(error: Exception) -> int:
    """Return the code of a process that could not be started: what Docker makes of the reason."""
    if isinstance(error, CommandNotFound):
        return 127
    return 126 if isinstance(error, CommandNotExecutable | InvalidArgument) else 128
