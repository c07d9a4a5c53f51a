"""Child processes: posix_spawn through libc, a pidfd for each, reaped on the event loop.

`fork` copies the page tables of the whole daemon (9 ms with a 300 MB heap); posix_spawn borrows them (0.2 ms). It is
called through ctypes because Python's wrapper has neither a working directory nor `closefrom`, and holds the GIL.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pogu.errors import DeadlineExceeded

_libc = ctypes.CDLL(None, use_errno=True)
_OPAQUE = 1024  # larger than posix_spawn_file_actions_t, posix_spawnattr_t and sigset_t in glibc and musl
_SETSIGDEF, _SETSIGMASK, _SETSID = 0x04, 0x08, 0x80  # <spawn.h>
_PF_EXITING = 0x4  # linux/sched.h
# Python ignores these two; whatever we start must not inherit that.
_RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)


@dataclass(frozen=True, slots=True)
class Completed:
    """What a finished program left: `returncode` is negative when a signal ended it."""

    returncode: int
    stdout: bytes
    stderr: bytes


class Process:
    """A running child. It is reaped as soon as it ends, whether anybody waits or not."""

    def __init__(self, pid: int, loop: asyncio.AbstractEventLoop) -> None:
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)  # the child is ours and not reaped yet, so the pid is still its own
        self._loop = loop
        self._exit: asyncio.Future[int] = loop.create_future()
        _known.add(pid)
        loop.add_reader(self.pidfd, self._reap)

    @property
    def returncode(self) -> int | None:
        """The exit code, negative on a signal; None while it runs."""
        return self._exit.result() if self._exit.done() else None

    async def wait(self) -> int:
        """Return the exit code, or minus the number of the signal that ended it.

        Cancelling the wait leaves the process alone; any number of callers may wait.
        """
        return await asyncio.shield(self._exit)

    def send_signal(self, number: int) -> None:
        """Send a signal; nothing happens if the process has ended (a pidfd never hits a reused pid)."""
        if not self._exit.done():
            try:
                signal.pidfd_send_signal(self.pidfd, number)
            except ProcessLookupError:
                pass

    def _reap(self) -> None:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self._loop.remove_reader(self.pidfd)
            os.close(self.pidfd)
            _known.discard(self.pid)
            self._exit.set_result(os.waitstatus_to_exitcode(status))
            for callback in _on_exit:
                callback()


_known: set[int] = set()
_on_exit: list[Callable[[], object]] = []


def is_known(pid: int) -> bool:
    """Say whether a child was started here and will be reaped here."""
    return pid in _known


def is_ending(pid: int) -> bool:
    """Say whether a process has ended, or is past the point from which it can only end (PF_EXITING, proc_pid_stat(5)).

    The first process of a PID namespace is, while the kernel kills the others for it.
    """
    try:
        state, *fields = stat_fields(pid)
    except OSError:
        return True
    return state in "ZX" or bool(int(fields[5]) & _PF_EXITING)


def stat_fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third, the state, on: what stands before may hold anything.

    Raises:
        OSError: there is no such process.
    """
    fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, 4096).rpartition(b") ")[2].decode().split()
    finally:
        os.close(fd)


def on_exit(callback: Callable[[], object] | None) -> None:
    """Call `callback`, the only one, whenever a child has ended; None for nothing."""
    _on_exit[:] = [callback] if callback else []


def spawn(
    argv: Sequence[str | os.PathLike[str]],
    *,
    fds: Mapping[int, int] | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    setsid: bool = False,
) -> Process:
    """Start a program found on PATH and return at once; must be called on the event loop.

    Args:
        fds: child descriptor -> our descriptor. Descriptor 0 is /dev/null and 1 and 2 are the daemon's own unless
            named; the child gets no other, inheritable or not.
        env: the whole environment; None is the daemon's.
        setsid: make the child the leader of a new session.

    Raises:
        OSError: it could not be started (FileNotFoundError, PermissionError…), with the program's name.
    """
    loop = asyncio.get_running_loop()
    return Process(_posix_spawn([os.fspath(a) for a in argv], fds or {}, env, cwd, setsid), loop)


async def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    input: bytes | None = None,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> Completed:
    """Run a program to its end and return its code and output. A code other than 0 is no error here.

    Input and output are memory files rather than pipes: nothing to pump, and a grandchild that keeps the output open
    does not keep the caller waiting. So this is for programs that say little (megabytes); stream with `spawn`.

    A caller that is cancelled kills the program.

    Raises:
        OSError: the program could not be started.
        DeadlineExceeded: it ran longer than `timeout` seconds and was killed.
    """
    stdin = os.memfd_create("stdin")
    stdout = os.memfd_create("stdout")
    stderr = os.memfd_create("stderr")
    try:
        if input:
            _write_all(stdin, input)
            os.lseek(stdin, 0, os.SEEK_SET)
        process = spawn(argv, fds={0: stdin, 1: stdout, 2: stderr}, env=env, cwd=cwd)
        try:
            async with asyncio.timeout(timeout):
                code = await process.wait()
        except TimeoutError:
            raise DeadlineExceeded(f"{os.fspath(argv[0])} did not finish in {timeout} s") from None
        finally:
            process.send_signal(signal.SIGKILL)
        return Completed(code, _read_all(stdout), _read_all(stderr))
    finally:
        for fd in (stdin, stdout, stderr):
            os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _read_all(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    return os.pread(fd, size, 0) if size else b""


def _posix_spawn(
    argv: Sequence[str],
    fds: Mapping[int, int],
    env: Mapping[str, str] | None,
    cwd: str | os.PathLike[str] | None,
    setsid: bool,
) -> int:
    actions, attributes = ctypes.create_string_buffer(_OPAQUE), ctypes.create_string_buffer(_OPAQUE)
    _check(_libc.posix_spawn_file_actions_init(actions))
    _check(_libc.posix_spawnattr_init(attributes))
    moved: list[int] = []
    try:
        _set_attributes(attributes, setsid)
        if cwd is not None:
            _check(_libc.posix_spawn_file_actions_addchdir_np(actions, os.fsencode(cwd)))
        _set_descriptors(actions, fds, moved)
        pid = ctypes.c_int()
        environment = os.environ if env is None else env
        code = _libc.posix_spawnp(
            ctypes.byref(pid),
            os.fsencode(argv[0]),
            actions,
            attributes,
            _strings(argv),
            _strings(f"{k}={v}" for k, v in environment.items()),
        )
        if code:
            raise OSError(code, os.strerror(code), _missing(code, argv[0], cwd))
        return pid.value
    finally:
        for fd in moved:
            os.close(fd)
        _libc.posix_spawn_file_actions_destroy(actions)
        _libc.posix_spawnattr_destroy(attributes)


def _set_attributes(attributes: ctypes.Array[ctypes.c_char], setsid: bool) -> None:
    flags = _SETSIGDEF | _SETSIGMASK | (_SETSID if setsid else 0)
    signals = ctypes.create_string_buffer(_OPAQUE)
    _check(_libc.sigemptyset(signals))
    _check(_libc.posix_spawnattr_setsigmask(attributes, signals))
    for number in _RESTORED:
        _check(_libc.sigaddset(signals, int(number)))
    _check(_libc.posix_spawnattr_setsigdefault(attributes, signals))
    _check(_libc.posix_spawnattr_setflags(attributes, ctypes.c_short(flags)))


def _set_descriptors(actions: ctypes.Array[ctypes.c_char], fds: Mapping[int, int], moved: list[int]) -> None:
    """Map `fds` in the child and close all else; a source that a mapping would overwrite is first copied to `moved`."""
    top = max([2, *fds])
    for child, ours in sorted(fds.items()):
        source = ours
        if ours <= top and ours != child:
            source = _duplicate_above(ours, top)
            moved.append(source)
        _check(_libc.posix_spawn_file_actions_adddup2(actions, source, child))
    if 0 not in fds:
        _check(_libc.posix_spawn_file_actions_addopen(actions, 0, b"/dev/null", os.O_RDONLY, 0))
    for gap in set(range(3, top)) - set(fds):
        _check(_libc.posix_spawn_file_actions_addclose(actions, gap))
    closefrom = _optional("posix_spawn_file_actions_addclosefrom_np")  # glibc 2.34
    if closefrom:
        _check(closefrom(actions, top + 1))


def _duplicate_above(fd: int, floor: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, floor + 1)


def _optional(name: str) -> Callable[..., int] | None:
    try:
        function: Callable[..., int] = getattr(_libc, name)
    except AttributeError:
        return None
    return function


def _strings(values: Iterable[str]) -> ctypes.Array[ctypes.c_char_p]:
    encoded = [os.fsencode(v) for v in values]
    if any(b"\0" in v for v in encoded):
        raise ValueError("embedded null byte in an argument or environment variable")
    return (ctypes.c_char_p * (len(encoded) + 1))(*encoded, None)


def _missing(code: int, program: str, cwd: str | os.PathLike[str] | None) -> str:
    """Name what an error is about: posix_spawn does not tell a missing program from a missing directory."""
    if cwd is not None and code in (errno.ENOENT, errno.ENOTDIR) and not Path(cwd).is_dir():
        return os.fspath(cwd)
    return program


def _check(code: int) -> None:
    if code:
        raise OSError(code, os.strerror(code))
