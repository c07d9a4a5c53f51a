"""The OCI runtimes: where they are, what they are told, and how a created container is let go.

`start` of crun and runc only opens a FIFO in the state directory that the created process waits on. Doing that here
saves a process (2 ms with crun, 20 with runc); any other runtime is called.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from pogu.engine.runtime import failures
from pogu.engine.runtime.programs import ReadOnlyProgram
from pogu.errors import InvalidArgument, NotFound, PoguError
from pogu.linux import processes
from pogu.linux.cgroups import hierarchy

Json = dict[str, Any]

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FILTERS_KEPT = 64  # about 30 KB each
_START_WITHIN = 10.0  # seconds; the process waits ready in the FIFO, so this is for a dead machine


class OciRuntime:
    """One runtime program with its state directory; this class knows only the command line that all have."""

    name = ""

    def __init__(self, program: str, root: Path, *, systemd: bool = False, arguments: tuple[str, ...] = ()) -> None:
        self.program = program
        self.key = self.name  # what it is asked for by: `find_runtime`'s argument
        self.root = root
        self.systemd = systemd
        self._arguments = arguments

    def executable(self) -> str:
        """Return what to execute."""
        return self.program

    def close(self) -> None:
        """Let go of what was opened for it. Idempotent."""

    def global_arguments(self, log: Path) -> list[str]:
        """Return the arguments that stand before the command; errors go to `log` as JSON lines."""
        arguments = [f"--root={self.root}", f"--log={log}", "--log-format=json", *self._arguments]
        return [*arguments, "--systemd-cgroup"] if self.systemd else arguments

    def adapt(self, spec: Json) -> tuple[Json, Json]:
        """Return the configuration as this runtime can take it, and the resources to set after `create`."""
        return spec, {}

    def created(self, id: str, spec: Json) -> None:
        """Learn from a container that was created from the (unadapted) configuration."""

    def state_directory(self, id: str) -> Path:
        """Return where the runtime keeps what it knows of a container."""
        return self.root / id

    def listing(self) -> list[str]:
        """Return the IDs of the containers it knows."""
        try:
            return sorted(entry.name for entry in self.root.iterdir() if entry.is_dir() and entry.name[0] != ".")
        except FileNotFoundError:
            return []

    async def start(self, id: str, log: Path) -> None:
        """Let the created container's program run. Raises NotFound, or PoguError with the runtime's words."""
        done = await processes.run([self.executable(), *self.global_arguments(log), "start", id], env=environment())
        if done.returncode:
            raise PoguError(failures.last_error(read_text(log)) or done.stderr.decode(errors="replace").strip())

    async def update(self, id: str, resources: Json, log: Path) -> None:
        """Change limits through the runtime, which tells systemd. Raises PoguError with the runtime's words."""
        argv = [self.executable(), *self.global_arguments(log), "update", "--resources", "-", id]
        done = await processes.run(argv, input=msgspec.json.encode(resources), env=environment())
        if done.returncode:
            raise PoguError(failures.last_error(read_text(log)) or done.stderr.decode(errors="replace").strip())

    async def forget(self, id: str) -> None:
        """Remove the state of a container whose processes have ended. Idempotent."""
        await processes.run([self.executable(), f"--root={self.root}", "delete", "--force", id], env=environment())
        await self._remove_state(id)

    async def _remove_state(self, id: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self.state_directory(id), True)


class Crun(OciRuntime):
    """crun: the created process reads the FIFO; one byte lets it go (crun 1.8, `start`)."""

    name = "crun"

    def __init__(self, program: str, root: Path, *, systemd: bool = False, arguments: tuple[str, ...] = ()) -> None:
        super().__init__(program, root, systemd=systemd, arguments=arguments)
        self._read_only = ReadOnlyProgram(program, root.parent / "programs" / self.name)
        self._filters: dict[bytes, str] = {}

    def executable(self) -> str:
        return self._read_only.path()

    def close(self) -> None:
        self._read_only.close()

    def adapt(self, spec: Json) -> tuple[Json, Json]:
        """Give crun a seccomp filter it has compiled before, and keep from it what it cannot do.

        Compiling the default profile takes 12 ms, more than all the rest; an annotation hands crun a finished filter
        (crun(1), run.oci.seccomp_bpf_data). crun 1.8 also knows only one of the two files that can hold a block I/O
        weight in cgroup version 1.
        """
        if filter_ := self._filters.get(_digest(spec)):
            spec = {**spec, "annotations": {**spec.get("annotations", {}), "run.oci.seccomp_bpf_data": filter_}}
        if hierarchy().version == 2:
            return spec, {}
        if mounts := spec.get("mounts"):
            spec = {**spec, "mounts": _close_cgroup_folder(mounts)}
        resources = spec.get("linux", {}).get("resources", {})
        if "weight" not in resources.get("blockIO", {}):
            return spec, {}
        rest = {k: v for k, v in resources["blockIO"].items() if k != "weight"}
        linux = {**spec["linux"], "resources": {**resources, "blockIO": rest}}
        return {**spec, "linux": linux}, {"blockIO": {"weight": resources["blockIO"]["weight"]}}

    def created(self, id: str, spec: Json) -> None:
        """Remember the seccomp filter that crun left in its state directory."""
        digest = _digest(spec)
        if not digest or digest in self._filters:
            return
        try:
            filter_ = (self.state_directory(id) / "seccomp.bpf").read_bytes()
        except OSError:
            return
        if filter_:
            if len(self._filters) >= _FILTERS_KEPT:
                self._filters.pop(next(iter(self._filters)))
            self._filters[digest] = base64.b64encode(filter_).decode()

    async def forget(self, id: str) -> None:
        await self._remove_state(id)

    async def start(self, id: str, log: Path) -> None:
        fifo = self.state_directory(id) / "exec.fifo"
        try:
            fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"container {id} is not waiting to be started") from None
        except OSError as e:
            if e.errno != errno.ENXIO:
                raise
            raise PoguError(f"container {id} ended before it was started") from None
        try:
            fifo.unlink()  # its absence is what the runtime's own commands take for "running"
            os.write(fd, b"\0")
        finally:
            os.close(fd)


class Runc(OciRuntime):
    """runc: the created process writes a byte into the FIFO once somebody has it open for reading."""

    name = "runc"

    async def forget(self, id: str) -> None:
        await self._remove_state(id)

    async def start(self, id: str, log: Path) -> None:
        fifo = self.state_directory(id) / "exec.fifo"
        try:
            fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"container {id} is not waiting to be started") from None
        try:
            async with asyncio.timeout(_START_WITHIN):
                await _readable(fd)
            if not os.read(fd, 1):
                raise PoguError(f"container {id} ended before it was started")
            fifo.unlink()
        except TimeoutError:
            raise PoguError(f"container {id} ended before it was started") from None
        finally:
            os.close(fd)


def find_runtime(
    name: str, root: Path, *, systemd: bool = False, known: dict[str, tuple[str, list[str]]] | None = None
) -> OciRuntime:
    """Return a runtime by its name, its path, or the name it has in `known` (-> path and arguments).

    Raises InvalidArgument as Docker does for a runtime nobody has heard of.
    """
    program, arguments = (known or {}).get(name, (name, []))
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":" + SYSTEM_PATH)
    if not found:
        raise InvalidArgument(f"unknown or invalid runtime name: {name}")
    base = Path(program).name
    kind: type[OciRuntime] = {"crun": Crun, "runc": Runc}.get(base, OciRuntime)
    runtime = kind(found, root / base, systemd=systemd, arguments=tuple(arguments))
    runtime.name = runtime.name or base
    runtime.key = name
    return runtime


def environment() -> dict[str, str]:
    """Return the environment for runtimes: nothing of the daemon's own (NOTIFY_SOCKET, LISTEN_FDS) may reach them."""
    return {"PATH": os.environ.get("PATH", SYSTEM_PATH)}


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    loop.add_reader(fd, lambda: None if waiter.done() else waiter.set_result(None))
    try:
        await waiter
    finally:
        loop.remove_reader(fd)


def _close_cgroup_folder(mounts: list[Json]) -> list[Json]:
    """Make the folder of the version 1 hierarchies read-only where they are.

    crun makes it a tmpfs that everybody in the container may write to (mode 1777), whatever the options say; another
    mount entry can change its flags. It must be the very next one: later, a user's mount of the host's /sys could lie
    there. Where the user mounts something into the folder it stays as crun makes it.
    """
    if any(mount.get("destination", "").startswith("/sys/fs/cgroup/") for mount in mounts):
        return mounts
    result: list[Json] = []
    for mount in mounts:
        result.append(mount)
        if mount.get("type") == "cgroup" and "ro" in mount.get("options", []):
            result.append({**mount, "type": "tmpfs", "options": ["remount", *mount["options"]]})
    return result


def _digest(spec: Json) -> bytes:
    """Return what tells one seccomp profile from another, b"" for none."""
    profile = spec.get("linux", {}).get("seccomp")
    return hashlib.sha256(msgspec.json.encode(profile)).digest() if profile else b""


def read_text(path: Path) -> str:
    """Return what a log holds, "" when it is missing."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
