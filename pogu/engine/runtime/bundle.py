"""The working directory of one supervised container, and what a later daemon must know to take it up again.

It is on a tmpfs: after a reboot no container runs and nothing of it is wanted.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from pogu.linux import cgroups
from pogu.linux.cgroups import Cgroup
from pogu.linux.processes import stat_fields


class Supervised(msgspec.Struct, kw_only=True):
    """What is written down about a container as soon as it is created.

    A process is its PID and its start time (field 22 of /proc/PID/stat, clock ticks since boot): PIDs are reused.
    """

    conmon: tuple[int, int]
    init: tuple[int, int]
    runtime: str
    cgroup: str
    program: str
    persist_dir: str
    log_path: str
    terminal: bool = False
    stdin: bool = False
    stdin_once: bool = False
    spool: str = ""  # the path by which conmon knows the log, where it was a spare
    own_pids: bool = True  # has a PID namespace of its own: all its processes end with the first


class Bundle:
    """The files: config.json for the runtime; attach, ctl, winsz and oom by conmon; the runtime's log; our record."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pid_file = path / "pid"
        self.runtime_log = path / "runtime.log"
        self.conmon_log = path / "conmon.log"
        self._record = path / "supervised.json"

    def make(self, configuration: bytes) -> None:
        """Create the directory with its config.json. FileExistsError when it exists."""
        self.path.mkdir(parents=True, mode=0o700)
        (self.path / "config.json").write_bytes(configuration)

    def spec(self) -> dict[str, Any]:
        """Return the OCI configuration; empty when there is none."""
        try:
            spec: dict[str, Any] = msgspec.json.decode((self.path / "config.json").read_bytes())
        except (OSError, msgspec.DecodeError):
            return {}
        return spec

    def write_record(self, record: Supervised) -> None:
        """Write the record; it appears whole or not at all."""
        part = self._record.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(record))
        part.rename(self._record)

    def record(self) -> Supervised | None:
        """Return the record, None when the container was never fully created."""
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=Supervised)
        except (OSError, msgspec.DecodeError, msgspec.ValidationError):
            return None

    def forget_execs(self) -> None:
        """Remove the files of execs whose start an earlier daemon did not finish."""
        for path in self.path.glob("exec-*"):
            shutil.rmtree(path, ignore_errors=True)

    def remove(self) -> None:
        """Remove the directory and all in it. Idempotent."""
        shutil.rmtree(self.path, ignore_errors=True)


def cgroup_of(spec: dict[str, Any], init: int, systemd: bool) -> Cgroup:
    """Return a container's cgroup. systemd places it by rules of its own, so there its process is asked."""
    if systemd:
        return Cgroup(cgroups.path_of(init))
    return Cgroup(spec.get("linux", {}).get("cgroupsPath", ""))


def start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 when it does not exist or is a zombie."""
    try:
        fields = stat_fields(pid)
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def identify(pid: int) -> tuple[int, int]:
    """Return what tells a process from a later one with the same PID."""
    return pid, start_time(pid)


def open_process(process: tuple[int, int]) -> int | None:
    """Return a pidfd of a process written down earlier, None when it has ended."""
    pid, started = process
    if pid <= 0 or not started:
        return None
    try:
        fd = os.pidfd_open(pid)
    except (ProcessLookupError, OSError):
        return None
    if start_time(pid) != started:
        os.close(fd)
        return None
    return fd


def supervisors(bundles: Path) -> dict[str, int]:
    """Return the conmon of each container whose bundle is or was below a directory: ID -> PID."""
    found = {}
    real = bundles.resolve()  # the kernel tells a directory by its real path
    for pid, directory in _conmons():
        if directory.parent == real:
            found[directory.name.removesuffix(" (deleted)")] = pid
    return found


def find_conmon(bundle: Path) -> int | None:
    """Return the PID of the conmon that works in `bundle`, for one that was started and not yet written down."""
    real = bundle.resolve()
    return next((pid for pid, directory in _conmons() if directory == real), None)


def _conmons() -> Iterator[tuple[int, Path]]:
    """Yield every conmon with its working directory, by which it is told: a spare's bundle was called otherwise."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "comm").read_text() == "conmon\n":
                    yield int(entry.name), (entry / "cwd").readlink()
            except OSError:  # it has ended
                continue
