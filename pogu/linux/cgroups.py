"""Control groups, version 1, hybrid and 2: where they are mounted, and what is done to one group.

Sources: the kernel's Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pogu.linux import mounts

ROOT = Path("/sys/fs/cgroup")
_FROZEN_WITHIN = 10.0  # seconds; a process in uninterruptible sleep freezes only when it wakes
_FREEZE_ROUND = 0.1
_EMPTY_WITHIN = 5.0  # seconds for killed processes to leave a group


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The mounted hierarchies. `controllers` are those of version 1, a named one as `name=systemd`."""

    controllers: Mapping[str, Path]
    unified: Path | None  # version 2: all there is, or beside version 1 on a hybrid host

    @property
    def version(self) -> int:
        """2 when everything is in the version 2 tree, otherwise 1 (hybrid hosts too, as Docker counts)."""
        return 1 if self.controllers or self.unified is None else 2

    def stray(self) -> list[str]:
        """Return the controllers that a hybrid host has left in its version 2 tree, where crun refuses them."""
        if self.version == 2 or self.unified is None:
            return []
        return _read(self.unified / "cgroup.controllers").split()

    def available(self) -> set[str]:
        """Return the names of all controllers that groups can have; version 1's blkio counts as `io` too."""
        names = set(self.controllers)
        if self.version == 2 and self.unified:
            names |= set(_read(self.unified / "cgroup.controllers").split())
        return names | ({"io"} if "blkio" in names else set())


@cache
def hierarchy() -> Hierarchy:
    """Return what is mounted, as it was at the first call or since `prepare_host`."""
    controllers: dict[str, Path] = {}
    unified: Path | None = None
    for entry in mounts.mounted():
        if entry.fstype == "cgroup2" and unified is None:
            unified = Path(entry.target)
        elif entry.fstype == "cgroup":
            for option in entry.super_options.split(","):
                if option in _known_controllers() or option.startswith("name="):
                    controllers.setdefault(option, Path(entry.target))
    return Hierarchy(controllers, unified)


@cache
def _known_controllers() -> frozenset[str]:
    lines = _read(Path("/proc/cgroups")).splitlines()
    return frozenset(line.split()[0] for line in lines if line and not line.startswith("#"))


def prepare_host() -> list[str]:
    """Make the host's cgroups usable by the OCI runtimes, and return notes about what was done or cannot be.

    Where nothing is mounted (a bare chroot) the hierarchies are mounted. On a hybrid host the controllers left in the
    version 2 tree are mounted in version 1, since crun works only when that tree has none.
    """
    notes: list[str] = []
    if hierarchy().unified is None and not hierarchy().controllers:
        notes += _mount_all()
    for name in hierarchy().stray():
        notes.append(_mount_controller(name))
    hierarchy.cache_clear()
    for name in ("memory", "cpu", "pids"):
        if name not in hierarchy().available():
            notes.append(f"this kernel has no {name} cgroup controller: limits on it have no effect")
    return notes


def _mount_controller(name: str) -> str:
    target = ROOT / name
    try:
        target.mkdir(exist_ok=True)
        mounts.mount("cgroup", target, "cgroup", mounts.MS_NOSUID | mounts.MS_NODEV | mounts.MS_NOEXEC, name)
    except OSError as e:
        return f"the {name} controller is in the cgroup v2 tree of a v1 host and cannot be moved ({e.strerror})"
    return f"mounted the {name} controller as cgroup v1 at {target}, out of the v2 tree"


def _mount_all() -> list[str]:
    """Mount at /sys/fs/cgroup what our own membership says the kernel has: version 2 alone, or each version 1 tree."""
    flags = mounts.MS_NOSUID | mounts.MS_NODEV | mounts.MS_NOEXEC
    trees = [line.split(":")[1] for line in _read(Path("/proc/self/cgroup")).splitlines()]
    trees = [t for t in trees if t]
    try:
        if trees:
            mounts.mount("tmpfs", ROOT, "tmpfs", flags, "mode=755")
        else:
            mounts.mount("cgroup2", ROOT, "cgroup2", flags)
        for tree in trees:
            target = ROOT / tree.removeprefix("name=")
            target.mkdir()
            mounts.mount("cgroup", target, "cgroup", flags, f"none,{tree}" if tree.startswith("name=") else tree)
    except OSError as e:
        return [f"no cgroups are mounted, and mounting them failed: {e.strerror} ({e.filename})"]
    finally:
        hierarchy.cache_clear()
    return [f"no cgroups were mounted; mounted version {1 if trees else 2} at {ROOT}"]


def path_of(pid: int, controller: str = "memory") -> str:
    """Return the path of a process's group in one hierarchy (version 2 when `controller` is not in version 1).

    Raises ProcessLookupError when the process has gone.
    """
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except FileNotFoundError as e:
        raise ProcessLookupError(pid) from e
    fallback = "/"
    for line in lines:
        number, names, path = line.split(":", 2)
        if controller in names.split(","):
            return path
        if number == "0":
            fallback = path
    return fallback


class Cgroup:
    """One group, by its path from the root of every hierarchy (`/pogu/ID`). It need not exist."""

    def __init__(self, path: str) -> None:
        self.path = "/" + path.strip("/")
        self._hierarchy = hierarchy()

    def directory(self, controller: str) -> Path | None:
        """Return the directory that holds a controller's files, None where the host has not got the controller."""
        mount = self._hierarchy.controllers.get(controller)
        if mount is None and self._hierarchy.version == 2:
            mount = self._hierarchy.unified
        return None if mount is None else mount / self.path.lstrip("/")

    def directories(self) -> list[Path]:
        """Return the group's directories in all hierarchies, whether they exist or not."""
        found = list(self._hierarchy.controllers.values())
        if self._hierarchy.unified:
            found.append(self._hierarchy.unified)
        return [mount / self.path.lstrip("/") for mount in dict.fromkeys(found)]

    def exists(self) -> bool:
        """Say whether any hierarchy has the group."""
        return any(_is_there(d) for d in self.directories())

    def read(self, controller: str, name: str) -> str | None:
        """Return the text of a file, None where the host, or the group, has not got it."""
        directory = self.directory(controller)
        if directory is None:
            return None
        try:
            return (directory / name).read_text()
        except OSError:
            return None

    def write(self, controller: str, name: str, value: str | int) -> None:
        """Write a file of the group.

        Raises OSError with the file's name when the kernel refuses; FileNotFoundError where the host has not got it.
        """
        directory = self.directory(controller)
        if directory is None:
            raise FileNotFoundError(f"no {controller} controller")
        _write(directory / name, str(value).encode())

    def counters(self, controller: str, name: str) -> dict[str, int]:
        """Return a flat keyed file (`memory.stat`, `cpu.stat`) as numbers; empty where it is missing."""
        pairs = (line.split() for line in (self.read(controller, name) or "").splitlines())
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}

    def pids(self) -> list[int]:
        """Return the PIDs of the group and the groups in it, in order; empty when it does not exist."""
        for directory in self.directories():
            if _is_there(directory):
                return sorted({int(p) for d in _tree(directory) for p in _read(d / "cgroup.procs").split()})
        return []

    def oom_kills(self) -> int:
        """Return how many processes of the group the kernel has killed for want of memory."""
        if self._hierarchy.version == 2:
            return self.counters("memory", "memory.events").get("oom_kill", 0)
        return self.counters("memory", "memory.oom_control").get("oom_kill", 0)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to every process of the group, and thaw it for SIGKILL, which waits on frozen processes."""
        if not self.exists():
            return
        unified = self._hierarchy.unified
        if number == signal.SIGKILL and unified:
            try:
                (unified / self.path.lstrip("/") / "cgroup.kill").write_text("1")  # kernel 5.14
            except OSError:
                pass  # there is none, or systemd has removed the group meanwhile; what is left is signalled below
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        if number == signal.SIGKILL:
            self._set_frozen(False)

    async def freeze(self) -> None:
        """Stop all processes of the group. Raises TimeoutError, and thaws them, when some do not stop in 10 s."""
        deadline = time.monotonic() + _FROZEN_WITHIN
        while not await self._frozen_within(_FREEZE_ROUND):
            # version 1 never freezes a process that was executing a program with threads when it was told to: the
            # threads that it waits for are frozen already. Letting all go on for a moment ends that.
            self._set_frozen(False)
            if time.monotonic() > deadline:
                raise TimeoutError(f"the processes of {self.path} did not freeze")
            await asyncio.sleep(0.01)

    async def _frozen_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        pause = 0.0005
        self._set_frozen(True)
        while not self.frozen():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.02)
            self._set_frozen(True)  # version 1 must be told again when a process was forking (freezer-subsystem)
        return True

    def thaw(self) -> None:
        """Let the processes run on."""
        self._set_frozen(False)

    def frozen(self) -> bool:
        """Say whether all processes of the group are stopped."""
        if "freezer" in self._hierarchy.controllers:
            return (self.read("freezer", "freezer.state") or "").strip() == "FROZEN"
        return self.counters("", "cgroup.events").get("frozen") == 1

    def _set_frozen(self, wanted: bool) -> None:
        try:
            if "freezer" in self._hierarchy.controllers:
                self.write("freezer", "freezer.state", "FROZEN" if wanted else "THAWED")
            else:
                self.write("", "cgroup.freeze", int(wanted))
        except FileNotFoundError:
            if wanted:
                raise

    def remove(self) -> None:
        """Remove the group and the groups in it from all hierarchies; blocks while killed processes leave. Idempotent.

        Raises OSError (EBUSY) when processes are left in it after 5 s.
        """
        deadline = time.monotonic() + _EMPTY_WITHIN
        for top in self.directories():
            for directory in reversed(list(_tree(top))):
                _remove_empty(directory, deadline)

    def remove_unused(self) -> None:
        """Remove the group where it has no groups or processes in it; leave it where it has."""
        for directory in self.directories():
            try:
                directory.rmdir()
            except OSError:
                pass


def _write(path: Path, data: bytes) -> None:
    """Write an existing file. Where the kernel removes it just then it says ENODEV, which is FileNotFoundError here.

    A write can say ENODEV of a device that the data names, too; then the file is still the one that was opened.
    """
    fd = -1
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)  # never O_CREAT: a typo is an error
        os.write(fd, data)
    except OSError as e:
        if e.errno == errno.ENODEV and (fd < 0 or not _is_at(fd, path)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path)) from e
        e.filename = str(path)
        raise
    finally:
        if fd >= 0:
            os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False


def _remove_empty(directory: Path, deadline: float) -> None:
    pause = 0.001
    while True:
        try:
            directory.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(pause)
            pause = min(pause * 2, 0.1)
        else:
            return


def _is_there(directory: Path) -> bool:
    """Say whether a group's directory exists; no group has a path that is too long to be one."""
    try:
        return directory.is_dir()
    except OSError:
        return False


def _tree(top: Path) -> Iterator[Path]:
    """Yield a group's directory and those below it, parents first."""
    for path, _, _ in os.walk(top):
        yield Path(path)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
