"""Supervision by conmon: one small process for each container, that outlives the daemon.

It holds the container's pipes or terminal, writes the log, and leaves the exit code in a file when the container has
ended.
"""

from __future__ import annotations

import asyncio
import os
import signal as signals
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from pogu.engine.config import EngineConfig
from pogu.engine.runtime import attachment, control, execs, failures, tops
from pogu.engine.runtime.bundle import (
    Bundle,
    Supervised,
    cgroup_of,
    find_conmon,
    identify,
    open_process,
)
from pogu.engine.runtime.launching import launch
from pogu.engine.runtime.limits import apply_limits
from pogu.engine.runtime.runtimes import OciRuntime, find_runtime, read_text
from pogu.engine.runtime.spares import Spare, Spares, remove_spool, sweep
from pogu.engine.runtime.stats import Counters, read_counters
from pogu.engine.runtime.supervision import Supervision, ended, read_exit, send
from pogu.engine.runtime.supervisor import (
    ExecProcess,
    Exit,
    Json,
    LaunchSpec,
    Processes,
    Supervisor,
    SupervisorStream,
)
from pogu.errors import Conflict, NotFound, PoguError
from pogu.failpoints import step
from pogu.linux import inotify
from pogu.linux.attach_lock import AttachLock
from pogu.linux.cgroups import Cgroup, hierarchy, prepare_host
from pogu.linux.orphans import OrphanReaper
from pogu.linux.processes import Process

_START_GRACE = 2.0  # seconds in which a runtime may say how a start went, once its container has ended


class ConmonSupervisor(Supervisor):
    """See Supervisor. `notes` is for `info`: what was changed on this host, or cannot work on it.

    `on_oom` is called with a container's ID when the kernel first kills one of its processes for want of memory.
    """

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        self._bundles = config.run / "runtime"
        self._bundles.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._containers: dict[str, Supervision] = {}
        self._runtimes: dict[str, OciRuntime] = {}
        self._spares = Spares(config)
        self._attach_lock = AttachLock()
        self._closed = False
        self._stray, self._stray_until = False, 0.0
        self._inotify: inotify.Inotify | None = None
        self._orphans: OrphanReaper | None = None
        # more at a time would only share the processors, and all of them would be late
        self._launching = asyncio.Semaphore(2 * (os.cpu_count() or 1) + 2)
        self.on_oom: Callable[[str], None] | None = None
        self.notes = prepare_host()
        records = [Bundle(path).record() for path in self._bundles.iterdir()]
        sweep(config, {record.spool for record in records if record})
        if config.runtime == "crun" and hierarchy().stray():
            left = ", ".join(hierarchy().stray())
            self.notes.append(f"crun cannot run while the cgroup v2 tree of this v1 host has {left}: runc is used")

    def expect(self) -> None:
        if not self._closed:
            self._attach_lock.expect()

    async def create(self, spec: LaunchSpec) -> int:
        runtime = self._runtime(spec.runtime)
        if spec.id in self._containers:
            raise Conflict(f"container {spec.id} is already under supervision")
        bundle = Bundle(self._bundles / spec.id)
        if bundle.path.exists():
            await self.delete(spec.id)
        _prepare_persistent(spec.persist_dir)
        configuration, later = runtime.adapt(spec.spec)
        spool = ""
        try:
            async with self._launching:
                process, pid, spool = await self._launch(spec, bundle, runtime, configuration)
        except (PoguError, OSError):
            cgroup = cgroup_of(spec.spec, 0, False)
            if cgroup.path != "/":  # the failure may have come when the container was there already
                await asyncio.to_thread(cgroup.kill)
            await self._clear(spec.id, bundle, runtime, cgroup)
            raise
        step("runtime.create.launched")
        runtime.created(spec.id, spec.spec)
        record = _record_of(spec, runtime, process.pid, pid)
        cgroup = cgroup_of(spec.spec, pid, runtime.systemd)
        record.cgroup, record.spool = cgroup.path, spool
        bundle.write_record(record)
        step("runtime.create.recorded")
        container = self._take_up(spec.id, bundle, record, runtime, open_process(record.init))
        container.watch_child(process)
        if later:
            try:
                apply_limits(cgroup, later)
            except PoguError as e:
                await self.delete(spec.id)
                raise failures.create_failure(runtime.name, e.message, record.program) from e
        self._spares.used(runtime)
        return pid

    async def _launch(
        self, spec: LaunchSpec, bundle: Bundle, runtime: OciRuntime, configuration: Json
    ) -> tuple[Process, int, str]:
        """Create the container through a spare conmon or a new one; return conmon, its PID and its way to the log."""
        encoded = msgspec.json.encode(configuration)
        spare = self._spares.take(runtime, spec, len(encoded))
        if spare is None:
            bundle.make(encoded)
            step("runtime.create.bundle")
            return *await launch(spec, bundle, runtime, self._config.run), ""
        try:
            spare.rename(spec, bundle, encoded)
            step("runtime.create.bundle")
            return *await spare.become(spec, encoded), str(spare.spool)
        except BaseException as e:
            was_killed = (spare.process.returncode or 0) < 0
            await asyncio.shield(_undo(spare, spec))
            if not was_killed or not isinstance(e, PoguError):
                raise
        # Somebody has killed the spare, which says nothing of this container.
        await self._clear(spec.id, bundle, runtime, cgroup_of(spec.spec, 0, False))
        spec.log_path.unlink(missing_ok=True)
        bundle.make(encoded)
        return *await launch(spec, bundle, runtime, self._config.run), ""

    async def start(self, id: str) -> None:
        container = self._get(id)
        starting = asyncio.ensure_future(container.runtime.start(id, container.bundle.runtime_log))
        try:
            either: set[asyncio.Future[Any]] = {starting, container.exit}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            # a short program has ended before the runtime's command that let it go has: that one knows which it was
            await asyncio.wait({starting}, timeout=_START_GRACE)
            if starting.done():
                return starting.result()
            raise PoguError("it ended before it was started")
        except NotFound:
            raise
        except PoguError as e:
            words = failures.last_error(read_text(container.bundle.runtime_log)) or e.message
            raise failures.create_failure(container.runtime.name, words, container.record.program) from e
        finally:
            starting.cancel()

    async def kill(self, id: str, signal: int, all: bool = False) -> None:
        container = self._get(id)
        if all:
            await asyncio.to_thread(container.cgroup.kill, signal)
        else:
            container.signal(signal)

    async def pause(self, id: str) -> None:
        container = self._running(id)
        try:
            await container.cgroup.freeze()
        except (TimeoutError, OSError) as e:
            raise PoguError(f"cannot pause container {id}: {e}") from e

    async def resume(self, id: str) -> None:
        self._get(id).cgroup.thaw()

    async def delete(self, id: str) -> None:
        bundle = Bundle(self._bundles / id)
        container = self._containers.get(id) or self._from_record(id, bundle)
        if container is None:
            await self._delete_unrecorded(id, bundle)
            return
        await container.kill()
        step("runtime.delete.killed")
        await self._clear(id, bundle, container.runtime, container.cgroup)
        self._containers.pop(id, None)
        for watch in container.watches if self._inotify else ():
            self._events().unwatch(watch)

    async def update(self, id: str, resources: Json) -> None:
        container = self._running(id)
        if container.cgroup.path.endswith(".scope"):
            # systemd's own: it would put back the limits that it knows of at its next reload
            await container.runtime.update(id, resources, container.bundle.runtime_log)
        await asyncio.to_thread(apply_limits, container.cgroup, resources)

    async def attach(self, id: str) -> SupervisorStream:
        container = self._running(id)
        record = container.record
        if not (record.terminal or record.stdin):
            raise Conflict(f"container {id} has neither a terminal nor an open standard input")
        ends = record.stdin and record.stdin_once
        return attachment.connect(container.bundle.path, terminal=record.terminal, ends=ends)

    async def resize(self, id: str, height: int, width: int) -> None:
        container = self._running(id)
        if container.record.terminal:
            async with container.control:
                try:
                    await control.resize(container.bundle.path, height, width, self._events())
                except PoguError as e:
                    await _rather_ended(container, e)

    async def rotate(self, id: str) -> None:
        container = self._running(id)
        async with container.control:
            try:
                await control.send(container.bundle.path, "2 0 0\n")
                await control.appears(Path(container.record.log_path))
            except PoguError as e:
                await _rather_ended(container, e)

    async def wait(self, id: str) -> Exit:
        return await asyncio.shield(self._get(id).exit)

    async def adopt(self, id: str, persist_dir: Path) -> int | None:
        if id in self._containers:
            raise Conflict(f"container {id} is already under supervision")
        bundle = Bundle(self._bundles / id)
        container = self._from_record(id, bundle)
        if container is None or (container.runtime.state_directory(id) / "exec.fifo").exists():
            await self.delete(id)
            self._remember_ended(id, bundle, persist_dir)
            return None
        self._containers[id] = container
        await asyncio.to_thread(bundle.forget_execs)
        self._watch_oom(container)
        container.watch_adopted()
        return container.record.init[0] if container.init is not None else None

    def listing(self) -> list[str]:
        return sorted(entry.name for entry in self._bundles.iterdir())

    async def exec(self, id: str, process: Json, *, terminal: bool = False, stdin: bool = False) -> ExecProcess:
        container = self._running(id)
        try:
            return await execs.start(
                container.runtime, id, container.bundle.path, process, self._events(), terminal=terminal, stdin=stdin
            )
        except (PoguError, OSError) as e:
            await _rather_ended(container, e)

    def pids(self, id: str) -> list[int]:
        return self._get(id).cgroup.pids()

    async def top(self, id: str, ps_args: Sequence[str] = ("-ef",)) -> Processes:
        return await tops.top(self.pids(id), ps_args)

    def counters(self, id: str) -> Counters:
        return read_counters(self._get(id).cgroup)

    async def prepare(self) -> None:
        """Have everything ready that the next containers of the default runtime may want."""
        await self._spares.fill(self._runtime(""))

    async def close(self) -> None:
        """Let go of all containers, which go on running under conmon."""
        for container in self._containers.values():
            if container.watcher:
                container.watcher.cancel()
        if self._inotify:
            self._inotify.close()
            self._inotify = None
        if self._orphans:
            self._orphans.close()
            self._orphans = None
        self._closed = True
        await self._spares.close()
        self._attach_lock.close()
        for runtime in self._runtimes.values():
            runtime.close()
        if self._config.cgroup_driver != "systemd":
            Cgroup(self._config.cgroup_parent).remove_unused()

    # what the methods above are made of

    def _runtime(self, name: str) -> OciRuntime:
        name = name or self._config.runtime
        if name == "crun" and self._is_stray():
            name = "runc"
        if name not in self._runtimes:
            systemd = self._config.cgroup_driver == "systemd"
            self._runtimes[name] = find_runtime(name, self._config.run, systemd=systemd, known=self._config.runtimes)
        return self._runtimes[name]

    def _is_stray(self) -> bool:
        """Say whether crun cannot work here; looked at once a second, since an administrator may mend it."""
        if (now := time.monotonic()) > self._stray_until:
            self._stray, self._stray_until = bool(hierarchy().stray()), now + 1
        return self._stray

    def _get(self, id: str) -> Supervision:
        try:
            return self._containers[id]
        except KeyError:
            raise NotFound(f"container {id} is not under supervision") from None

    def _running(self, id: str) -> Supervision:
        container = self._get(id)
        if container.exit.done():
            raise Conflict(f"container {id} is not running")
        return container

    def _take_up(
        self, id: str, bundle: Bundle, record: Supervised, runtime: OciRuntime, init: int | None
    ) -> Supervision:
        loop = asyncio.get_running_loop()
        container = Supervision(id, bundle, record, runtime, Cgroup(record.cgroup), init, loop.create_future())
        self._containers[id] = container
        self._watch_oom(container)
        return container

    def _from_record(self, id: str, bundle: Bundle) -> Supervision | None:
        """Return a container as an earlier daemon wrote it down, without taking it up."""
        record = bundle.record()
        if record is None:
            return None
        exit_: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        runtime = self._runtime(record.runtime)
        return Supervision(id, bundle, record, runtime, Cgroup(record.cgroup), open_process(record.init), exit_)

    def _remember_ended(self, id: str, bundle: Bundle, persist_dir: Path) -> None:
        """Keep the exit of a container of which nothing runs any more, for `wait`."""
        loop = asyncio.get_running_loop()
        record = Supervised(
            conmon=(0, 0), init=(0, 0), runtime="", cgroup="", program="", persist_dir=str(persist_dir), log_path=""
        )
        runtime = self._runtime("")
        container = Supervision(id, bundle, record, runtime, Cgroup(f"/none/{id}"), None, loop.create_future())
        container.exit.set_result(read_exit(persist_dir))
        self._containers[id] = container

    async def _delete_unrecorded(self, id: str, bundle: Bundle) -> None:
        """Remove what an interrupted `create` left: a conmon, perhaps a container waiting to be started, a cgroup."""
        if not bundle.path.exists():
            return
        if conmon := await asyncio.to_thread(find_conmon, bundle.path):
            with_start = open_process(identify(conmon))
            if with_start is not None:
                send(with_start, signals.SIGKILL)  # the runtime it may be running dies with it (PR_SET_PDEATHSIG)
                await ended(with_start)
                os.close(with_start)
        cgroup = cgroup_of(bundle.spec(), 0, False)
        if cgroup.path != "/":
            await asyncio.to_thread(cgroup.kill)
        for name in dict.fromkeys(("crun", "runc", self._config.runtime)):
            if (self._config.run / Path(name).name / id).exists():
                await self._runtime(name).forget(id)
        await self._clear(id, bundle, self._runtime(""), cgroup)

    async def _clear(self, id: str, bundle: Bundle, runtime: OciRuntime, cgroup: Cgroup) -> None:
        """Remove cgroup, runtime state and bundle, in an order that leaves the bundle as the sign of work to do."""
        if cgroup.path != "/":
            try:
                await asyncio.to_thread(cgroup.remove)
            except OSError as e:
                raise PoguError(f"cannot remove the cgroup of container {id}: {e}") from e
        step("runtime.delete.cgroup")
        await runtime.forget(id)
        step("runtime.delete.state")
        if (record := bundle.record()) and record.spool:
            remove_spool(Path(record.spool))
        await asyncio.to_thread(bundle.remove)
        step("runtime.delete.bundle")

    def _events(self) -> inotify.Inotify:
        if self._inotify is None:
            self._inotify = inotify.Inotify()
            self._orphans = OrphanReaper()
        return self._inotify

    def _watch_oom(self, container: Supervision) -> None:
        """Hear of processes killed for want of memory: conmon leaves a file, and in version 2 the kernel tells us too.

        systemd removes the group as soon as it is empty, so it is too late to count when the container has ended.
        """

        def news(_: int, name: str) -> None:
            if not container.oom and (name == "oom" or container.cgroup.oom_kills()):
                container.oom = True
                if self.on_oom:
                    self.on_oom(container.id)

        places = [(container.bundle.path, inotify.CREATE)]
        if hierarchy().version == 2 and (group := container.cgroup.directory("memory")):
            places.append((group / "memory.events", inotify.MODIFY))
        for path, mask in places:
            try:
                container.watches.append(self._events().watch(path, mask, news))
            except OSError:  # it has ended, or the host's limit on watches: the exit may still say it
                continue


async def _undo(spare: Spare, spec: LaunchSpec) -> None:
    """End a spare and whatever container it has made."""
    await spare.end()
    cgroup = cgroup_of(spec.spec, 0, False)
    if cgroup.path != "/":
        await asyncio.to_thread(cgroup.kill)


def _record_of(spec: LaunchSpec, runtime: OciRuntime, conmon: int, init: int) -> Supervised:
    namespaces = spec.spec.get("linux", {}).get("namespaces", [])
    return Supervised(
        conmon=identify(conmon),
        init=identify(init),
        runtime=runtime.key,
        cgroup="",
        program=(spec.spec.get("process", {}).get("args") or [""])[0],
        persist_dir=str(spec.persist_dir),
        log_path=str(spec.log_path),
        terminal=spec.terminal,
        stdin=spec.stdin,
        stdin_once=spec.stdin_once,
        own_pids=any(n.get("type") == "pid" and not n.get("path") for n in namespaces),
    )


def _prepare_persistent(directory: Path) -> None:
    try:
        directory.mkdir(parents=True)
    except FileExistsError:
        for name in ("exit", "oom"):
            (directory / name).unlink(missing_ok=True)


async def _rather_ended(container: Supervision, error: Exception) -> NoReturn:
    """Raise Conflict where a failure without a known reason comes of the container's end, else the failure."""
    if (type(error) is PoguError or isinstance(error, OSError)) and await container.ends():
        raise Conflict(f"container {container.id} is not running") from error
    raise error
