"""The containers in memory: their records, names, and what lives only as long as the daemon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pogu.engine.logs import Ending
from pogu.engine.model import Container
from pogu.engine.moments import parse_rfc3339
from pogu.engine.naming import new_name
from pogu.engine.runtime import SupervisorStream
from pogu.errors import Conflict, InvalidArgument, NotFound

KIND = "container"
TOMBSTONE = "container-removed"  # a removal whose clean-up may not have finished


@dataclass(frozen=True, slots=True)
class WaitResult:
    """How a wait ended: the exit code, and why there is none to speak of, if so."""

    code: int
    error: str | None = None


@dataclass(slots=True, eq=False)
class Entry:
    """One container. Whatever changes `record` or the kernel's side of it holds `lock`.

    `ending` belongs to the present or next run; it is replaced at each exit, so whoever holds one follows one run.
    """

    record: Container
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    ending: Ending = field(default_factory=Ending)
    exited: list[asyncio.Future[WaitResult]] = field(default_factory=list)  # wait for the next exit
    removed: list[asyncio.Future[WaitResult]] = field(default_factory=list)
    up: asyncio.Event = field(default_factory=asyncio.Event)  # set while it has a process
    console: SupervisorStream | None = None  # standard input, once somebody has written to it
    console_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    watcher: asyncio.Task[None] | None = None
    restarter: asyncio.Task[None] | None = None
    health: asyncio.Task[None] | None = None
    cleaning: asyncio.Task[None] | None = None
    backoff: float = 0.0  # seconds before the last restart
    restart_cancelled: bool = False
    manually_restarted: bool = False
    holds_root: bool = False  # the run has the root mounted
    execs: set[str] = field(default_factory=set)
    passing_env: list[str] = field(default_factory=list)  # variables that must not be recorded: secrets of a build
    process: dict[str, Any] | None = None  # the first process as it was launched (OCI form)
    since_ns: int = 0  # time.monotonic_ns() of the present run's start, 0 before it is known
    oom_early: bool = False  # the kernel killed one of its processes before its start was told
    gone: bool = False  # the tombstone is committed
    created_ns: int = 0

    def __post_init__(self) -> None:
        self.created_ns = parse_rfc3339(self.record.created)

    @property
    def id(self) -> str:
        """The container's ID."""
        return self.record.id

    def age_ns(self) -> int:
        """Return how long the present run has lasted. The host's clock may be set meanwhile: it does not matter.

        Of a run that an earlier daemon began only the clock tells the start.
        """
        now = time.monotonic_ns()
        if not self.since_ns:
            self.since_ns = now - max(0, time.time_ns() - parse_rfc3339(self.record.state.started_at))
        return now - self.since_ns

    def next_exit(self) -> asyncio.Future[WaitResult]:
        """Return a future of the next exit, registered now."""
        future: asyncio.Future[WaitResult] = asyncio.get_running_loop().create_future()
        self.exited = [f for f in self.exited if not f.done()] + [future]
        return future

    def next_removal(self) -> asyncio.Future[WaitResult]:
        """Return a future of the removal, registered now."""
        future: asyncio.Future[WaitResult] = asyncio.get_running_loop().create_future()
        self.removed = [f for f in self.removed if not f.done()] + [future]
        return future

    def settle_exit(self, result: WaitResult) -> None:
        """Tell those who wait for an exit, end what follows this run, and make ready for the next."""
        self.ending.set()
        self.ending = Ending()
        waiting, self.exited = self.exited, []
        _settle(waiting, result)

    def settle_removal(self, result: WaitResult) -> None:
        """Tell those who wait for the removal."""
        waiting, self.removed = self.removed, []
        _settle(waiting, result)


def _settle(futures: list[asyncio.Future[WaitResult]], result: WaitResult) -> None:
    for future in futures:
        if not future.done():
            future.set_result(result)


class Table:
    """All containers by ID and name."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self.unreadable: dict[str, str] = {}  # ID -> why; records that are left alone, with all that is theirs
        self._names: dict[str, str] = {}  # name -> ID; a name being created or renamed to is here before its record

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, ref: str) -> Entry:
        """Return the container with this ID, name (with or without slash) or unambiguous beginning of an ID.

        Raises:
            NotFound: there is none, or several IDs begin so.
            InvalidArgument: nothing is given.
        """
        if not ref:
            raise InvalidArgument('invalid name or ID supplied: ""')
        name = ref[1:] if ref.startswith("/") else ref
        entry = self._entries.get(ref) or self._entries.get(self._names.get(name, ""))
        if entry:
            return entry
        found = [e for i, e in self._entries.items() if ref and i.startswith(ref)]
        if len(found) > 1:
            raise NotFound(f"multiple IDs found with provided prefix: {ref}")
        if not found:
            raise NotFound(f"No such container: {ref}")
        return found[0]

    def get(self, id_: str) -> Entry | None:
        """Return the container with exactly this ID."""
        return self._entries.get(id_)

    def add(self, entry: Entry) -> None:
        """Make a container known; its name must be reserved."""
        self._entries[entry.id] = entry

    def discard(self, entry: Entry) -> None:
        """Forget a container and free its name."""
        self._entries.pop(entry.id, None)
        self.release(entry.record.name, entry.id)

    def reserve(self, name: str, id_: str) -> None:
        """Take a name for a container.

        Raises:
            Conflict: another container has it, in Docker's words.
        """
        owner = self._names.get(name)
        if owner is not None and owner != id_:
            raise Conflict(
                f'Conflict. The container name "/{name}" is already in use by container "{owner}". '
                "You have to remove (or rename) that container to be able to reuse that name."
            )
        self._names[name] = id_

    def reserve_new(self, id_: str) -> str:
        """Take a random free name and return it."""
        name = new_name(self._names.__contains__)
        self._names[name] = id_
        return name

    def reserved(self) -> set[str]:
        """Return the IDs that have a name: containers, and those being made."""
        return set(self._names.values())

    def release(self, name: str, id_: str) -> None:
        """Free a name that `id_` holds."""
        if self._names.get(name) == id_:
            del self._names[name]

    def where(self, predicate: Callable[[Container], bool]) -> list[Container]:
        """Return the records that satisfy `predicate`."""
        return [e.record for e in self if predicate(e.record)]
