"""What runs containers: the interface that the engine sees, and the values that pass through it.

Implementations share the contract suite in `tests/engine/runtime/contract.py`.
"""

from __future__ import annotations

import signal as signals
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pogu.engine.runtime.stats import Counters

Json = dict[str, Any]

STDOUT, STDERR = 1, 2


@dataclass(slots=True)
class LaunchSpec:
    """All that is needed to start one container.

    `spec` is the OCI runtime configuration (`oci_spec`); the supervisor keeps it in a bundle of its own. `log_path` is
    the spool, in conmon's k8s-file format. `persist_dir` outlives a reboot: the files `exit` (the code) and `oom`
    appear there, and old ones are removed by `create`.
    """

    id: str
    spec: Json
    log_path: Path
    persist_dir: Path
    terminal: bool = False
    stdin: bool = False  # keep standard input open for `attach`
    stdin_once: bool = False  # end standard input when the attached stream is closed; a terminal's never ends
    runtime: str = ""  # "crun", "runc", a path; "" is the engine's default


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container's first process ended.

    `code` is its exit code, 128+n after signal n, and None when nobody can know (its supervisor was killed too).
    `finished_ns` is Unix time in nanoseconds.
    """

    code: int | None
    oom: bool
    finished_ns: int


@dataclass(frozen=True, slots=True)
class Processes:
    """What `ps` says of a container: column titles and one row for each process."""

    titles: list[str]
    rows: list[list[str]] = field(default_factory=list)


class SupervisorStream(ABC):
    """A running container's standard input, and its terminal if it has one.

    The container's output is always drained, read or not, so that no reader can stall it: a terminal's unread output
    is kept up to a megabyte, and the oldest is dropped then. Without a terminal the output is in the log.
    """

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Send `data` to standard input; returns when the supervisor has taken it.

        Raises BrokenPipeError when the container has ended or its input is closed. Cancelled, it may have sent a part.
        """

    @abstractmethod
    async def close_stdin(self) -> None:
        """Tell the container that its input has ended. Does nothing on a terminal, without `stdin_once`, or again."""

    @abstractmethod
    async def read(self) -> bytes:
        """Return the next piece of the terminal's output, b"" once the container has ended.

        Cancelling a read loses nothing. One reader at a time.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of the container, which goes on running; its input ends only with `stdin_once`. Idempotent."""


class ExecProcess(ABC):
    """A process started in a running container by `Supervisor.exec`."""

    pid: int  # in the host's PID namespace

    @abstractmethod
    async def write(self, data: bytes) -> None:
        """Send `data` to standard input or the terminal; BrokenPipeError when it no longer reads."""

    @abstractmethod
    async def close_stdin(self) -> None:
        """Close standard input; a terminal stays open. Idempotent."""

    @abstractmethod
    async def read(self) -> tuple[int, bytes] | None:
        """Return (STDOUT or STDERR, data) as it comes, None when all output has ended. A terminal is all STDOUT.

        Nothing is read ahead: a caller that waits holds the process back, as a pipe does. Cancelling loses nothing.
        """

    @abstractmethod
    async def resize(self, height: int, width: int) -> None:
        """Set the terminal's size; does nothing without one."""

    @abstractmethod
    async def wait(self) -> int:
        """Return the exit code, 128+n after signal n. Any number of callers may wait, and be cancelled."""

    @abstractmethod
    def kill(self, number: int = signals.SIGKILL) -> None:
        """Send a signal to the process; nothing happens when it has ended."""

    @abstractmethod
    def close(self) -> None:
        """Give up its input and output; the process goes on. Idempotent."""


class Supervisor(ABC):
    """Starts containers and watches over them; they outlive the daemon.

    Unless it says otherwise a method raises NotFound for a container that the runtime does not know, and PoguError with
    the runtime's own words for what it refuses. Calls on one container must not overlap, except `wait`, `attach` and
    `exec`; the engine holds a lock for each container.
    """

    on_oom: Callable[[str], None] | None = None  # called when the kernel first kills a process for want of memory

    def expect(self) -> None:  # noqa: B027 # optional
        """Be told that a `create` or `exec` will probably come in some milliseconds. Returns at once."""

    @abstractmethod
    async def create(self, spec: LaunchSpec) -> int:
        """Set the container up without running its program, and return the host's PID of its first process.

        On failure nothing is left behind. Cancelled, the container may exist: `delete` it.

        Raises:
            CommandNotFound: the program, or its working directory's path to it, does not exist.
            CommandNotExecutable: it exists and cannot be executed.
            PoguError: the runtime failed; the message is Docker's form with the runtime's own text in it.
        """

    @abstractmethod
    async def start(self, id: str) -> None:
        """Let the created container's program run. Raises as `create`: crun finds some errors only here."""

    @abstractmethod
    async def kill(self, id: str, signal: int, all: bool = False) -> None:
        """Send a signal to the first process, or to all. A container that has ended is no error."""

    @abstractmethod
    async def pause(self, id: str) -> None:
        """Freeze every process of the container."""

    @abstractmethod
    async def resume(self, id: str) -> None:
        """Thaw what `pause` froze."""

    @abstractmethod
    async def delete(self, id: str) -> None:
        """Kill whatever is left and remove the runtime's state, cgroup and working files. Idempotent; keeps the log."""

    @abstractmethod
    async def update(self, id: str, resources: Json) -> None:
        """Apply OCI `linux.resources` to the running container; only the members present change.

        Raises PoguError when the kernel refuses one (a memory limit below use); the ones before it stay applied.
        """

    @abstractmethod
    async def attach(self, id: str) -> SupervisorStream:
        """Connect to standard input and the terminal. Only containers with `terminal` or `stdin` can be attached."""

    @abstractmethod
    async def resize(self, id: str, height: int, width: int) -> None:
        """Set the size of the container's terminal, in characters; does nothing without one."""

    @abstractmethod
    async def rotate(self, id: str) -> None:
        """Reopen the log at its path: whoever renamed the old one calls this, and no line is lost."""

    @abstractmethod
    async def wait(self, id: str) -> Exit:
        """Return how the container ended, once it has. Any number of callers may wait, and be cancelled.

        Works from `create` (or `adopt`) until `delete`.
        """

    @abstractmethod
    async def adopt(self, id: str, persist_dir: Path) -> int | None:
        """Take up a container that an earlier daemon created; return its PID, or None when it has ended.

        Its `wait` then answers as ever: at once if the exit code was written while no daemon ran, and after a reboot
        too. What is half created is removed; its exit code is unknown.
        """

    @abstractmethod
    def listing(self) -> list[str]:
        """Return the IDs that the runtime has state for, running or not."""

    @abstractmethod
    async def exec(self, id: str, process: Json, *, terminal: bool = False, stdin: bool = False) -> ExecProcess:
        """Run an OCI `process` in the running container.

        Raises:
            CommandNotFound, CommandNotExecutable: as `create`.
            Conflict: the container is not running.
        """

    @abstractmethod
    def pids(self, id: str) -> list[int]:
        """Return the host's PIDs of all processes of the container, exec'd ones included; empty when it has ended."""

    @abstractmethod
    def counters(self, id: str) -> Counters:
        """Return what the container has used; blocks for a few file reads. All zero when it has ended."""

    @abstractmethod
    async def top(self, id: str, ps_args: Sequence[str] = ("-ef",)) -> Processes:
        """Return what the host's `ps` with these arguments says of the container's processes.

        Raises InvalidArgument when the arguments leave no PID column or ps refuses them.
        """
