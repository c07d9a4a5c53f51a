"""Attaching: a container's output from now on (or from the beginning), and its standard input.

Output is followed from the spool, so a slow reader holds nothing up, and an attachment made before the start misses
nothing. Input goes through the supervisor, which is asked for it when somebody first writes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass

from pogu.engine.containers.detach import DetachScanner, parse_detach_keys
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.logs import Ending, Position, SpoolRecord, end_of, follow
from pogu.engine.runtime import SupervisorStream
from pogu.errors import Conflict, PoguError


@dataclass(frozen=True, slots=True)
class AttachOptions:
    """What to attach. `logs` gives what was printed so far, `stream` what follows; without either nothing comes."""

    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    stream: bool = False
    logs: bool = False
    detach_keys: str | None = None  # None and "" are ctrl-p,ctrl-q


class AttachSession:
    """One attached client. Iterate `output` for (1 or 2, bytes); close it in the end, whatever happened."""

    def __init__(self, output: AsyncGenerator[tuple[int, bytes], None], scanner: DetachScanner | None) -> None:
        self.output = output
        self.detached = asyncio.Event()
        self._scanner = scanner

    async def write(self, data: bytes) -> None:
        """Send to standard input, waiting for the container's start; the detach keys end the session instead.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        if self.detached.is_set():
            raise BrokenPipeError("detached")
        if self._scanner is not None:
            data, found = self._scanner.feed(data)
            if found:
                self.detach()
                return
        if data:
            await self._send(data)

    def detach(self) -> None:
        """End this client's part; the process goes on."""
        self.detached.set()

    async def close_stdin(self) -> None:
        """Tell that this client's input has ended."""

    async def close(self) -> None:
        """Let go. Idempotent."""
        try:
            await self.output.aclose()
        except RuntimeError:  # somebody is just reading it, and sees the end by himself
            pass

    async def _send(self, data: bytes) -> None:
        """Pass `data` on."""


class ContainerSession(AttachSession):
    """A client attached to a container's own streams."""

    def __init__(self, rooms: Rooms, entry: Entry, options: AttachOptions) -> None:
        keys = parse_detach_keys(options.detach_keys)
        super().__init__(self._output(), DetachScanner(keys) if options.stdin and entry.record.config.tty else None)
        self._rooms, self._entry, self._options = rooms, entry, options
        self._path = rooms.spool(entry.id)
        self._ending = entry.ending
        self._end = Ending()
        self._relay: Callable[[], None] = self._end.set
        self._ending.add(self._relay)
        self._start = Position() if options.logs else end_of(self._path)
        self._stdin_ended = False

    async def _output(self) -> AsyncGenerator[tuple[int, bytes], None]:
        options = self._options
        if not options.stream:
            self._end.set()
        if self._ending.done:
            self._end.set()
        if not options.stream and not options.logs:
            return
        wanted = {n for n, on in ((1, options.stdout), (2, options.stderr)) if on}
        batches = follow(self._path, self._start, self._end)
        try:
            async for batch in batches:
                if self.detached.is_set():
                    return
                for stream, data in _joined(batch):
                    if stream in wanted:
                        yield stream, data
        finally:
            await batches.aclose()

    def detach(self) -> None:
        super().detach()
        self._end.set()
        self._rooms.publish(self._entry, "detach")

    async def _send(self, data: bytes) -> None:
        if not self._options.stdin or not self._entry.record.config.open_stdin:
            return
        stream = await self._console()
        await stream.write(data)

    async def _console(self) -> SupervisorStream:
        await self._wait_for_start()
        return await console(self._rooms, self._entry)

    async def _wait_for_start(self) -> None:
        """Return when the run this session belongs to has a process; BrokenPipeError if it ends first."""
        entry = self._entry
        if entry.up.is_set() and entry.ending is self._ending:
            return
        changed = asyncio.Event()
        self._ending.add(changed.set)
        up, over = asyncio.create_task(entry.up.wait()), asyncio.create_task(changed.wait())
        try:
            if not self._ending.done:
                await asyncio.wait((up, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            up.cancel()
            over.cancel()
            self._ending.discard(changed.set)
        if self._ending.done:
            raise BrokenPipeError("the container has ended")

    async def close_stdin(self) -> None:
        """End the container's input too, where it takes only one client's (StdinOnce) and has no terminal."""
        config = self._entry.record.config
        if self._stdin_ended or not (self._options.stdin and config.open_stdin):
            return
        self._stdin_ended = True
        if not config.stdin_once or config.tty:
            return
        try:
            await (await self._console()).close_stdin()
        except (BrokenPipeError, PoguError):
            pass

    async def close(self) -> None:
        self._end.set()
        self._ending.discard(self._relay)
        if not self.detached.is_set():
            await self._end_input_unless_unborn()
        self.detached.set()
        await super().close()

    async def _end_input_unless_unborn(self) -> None:
        """A client that goes away without a word has ended its input, too; one that left before the start has not."""
        if self._entry.up.is_set() and self._entry.ending is self._ending:
            await self.close_stdin()


def _joined(batch: Iterable[SpoolRecord]) -> list[tuple[int, bytes]]:
    """Return the data of consecutive records of one stream in one piece: fewer frames for the client."""
    pieces: list[tuple[int, list[bytes]]] = []
    for record in batch:
        if pieces and pieces[-1][0] == record.stream:
            pieces[-1][1].append(record.data)
        else:
            pieces.append((record.stream, [record.data]))
    return [(stream, b"".join(parts)) for stream, parts in pieces]


async def console(rooms: Rooms, entry: Entry) -> SupervisorStream:
    """Return the running container's standard input, connecting to it the first time."""
    async with entry.console_lock:
        if entry.console is None:
            entry.console = await rooms.supervisor.attach(entry.id)
        return entry.console


def attach(rooms: Rooms, ref: str, options: AttachOptions) -> ContainerSession:
    """Attach to a container; running or not, the session sees the whole of its present or next run.

    Raises:
        NotFound: no such container.
        Conflict: it is paused or restarting.
        InvalidArgument: bad detach keys.
    """
    entry = rooms.table.find(ref)
    if entry.record.state.paused:
        raise Conflict(f"container {ref} is paused, unpause the container before attach")
    if entry.record.state.restarting:
        raise Conflict(f"container {ref} is restarting, wait until the container is running")
    session = ContainerSession(rooms, entry, options)
    rooms.publish(entry, "attach")
    return session
