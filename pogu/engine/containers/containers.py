"""The engine's containers: one object that the dialects call. Each operation is in a file of its own.

Operations on one container are carried out one at a time, and each runs to its end even if its caller is cancelled.
A container is named by its ID, its name (with or without a slash) or an unambiguous beginning of its ID; where there is
none every method raises NotFound.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pogu.engine.archive import PathStat
from pogu.engine.config import EngineConfig
from pogu.engine.containers import changing, copying, exporting, processes, reconcile
from pogu.engine.containers.attach import AttachOptions, ContainerSession, attach
from pogu.engine.containers.create.create import Created, create
from pogu.engine.containers.execs import Exec, ExecConfig, Execs, ExecSession
from pogu.engine.containers.lifecycle import pausing, removal, start, stopping
from pogu.engine.containers.lifecycle.exits import out_of_memory, watch
from pogu.engine.containers.lifecycle.sandbox import has_sandbox
from pogu.engine.containers.lifecycle.state import is_live
from pogu.engine.containers.lifecycle.waiting import wait_handle
from pogu.engine.containers.listing import Filters, list_containers
from pogu.engine.containers.pruning import Pruner
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.roots import Roots
from pogu.engine.containers.rotating import rotate_forever
from pogu.engine.containers.stats import stats
from pogu.engine.containers.table import Entry, WaitResult
from pogu.engine.events import EventBus
from pogu.engine.images import Image, Images
from pogu.engine.logs import Ending, LogLine, LogOptions, read_log_batches
from pogu.engine.model import (
    Container,
    ContainerConfig,
    EndpointSettings,
    HostConfig,
    NetworkingConfig,
    PortBinding,
    RestartPolicy,
)
from pogu.engine.networks import Networks
from pogu.engine.runtime import Supervisor
from pogu.engine.state import StateStore
from pogu.engine.storage import Change, StorageDriver
from pogu.engine.volumes import Volumes
from pogu.errors import Unsupported

T = TypeVar("T")


class Containers:
    """All containers of one engine; `open` before anything else, `close` last."""

    def __init__(
        self,
        *,
        config: EngineConfig,
        state: StateStore,
        events: EventBus,
        images: Images,
        storage: StorageDriver,
        volumes: Volumes,
        networks: Networks,
        supervisor: Supervisor,
    ) -> None:
        roots = Roots(storage, config.run / "rootfs")
        self._rooms = Rooms(
            config=config,
            state=state,
            events=events,
            images=images,
            storage=storage,
            volumes=volumes,
            networks=networks,
            supervisor=supervisor,
            roots=roots,
        )
        self._execs = Execs(self._rooms)
        self._pruner = Pruner(self._rooms)
        self._rotating: asyncio.Task[None] | None = None
        self._rooms.on_started = self._watch
        self._rooms.on_abandoned = self._remove_abandoned
        self._rooms.on_gone = lambda entry: self._execs.forget(entry.id)
        supervisor.on_oom = self._out_of_memory

    # -- the daemon's life ---------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Read the records, take up what runs, finish what a crash cut short, and start what policies want running."""
        for directory in (self._rooms.config.root / "containers", self._rooms.config.run / "rootfs"):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        await reconcile.reconcile(self._rooms)
        self._rotating = self._rooms.spawn(rotate_forever(self._rooms), "rotation")

    async def close(self, stop_containers: bool = False) -> None:
        """Stop with or without the containers; those left go on running and are taken up by the next start.

        Operations under way are finished, restarts are not begun any more.
        """
        self._rooms.stopping = True
        if self._rotating:
            self._rotating.cancel()
        if stop_containers:
            await stopping.stop_all(self._rooms, self._rooms.config.shutdown_timeout)
        for entry in self._rooms.table:
            for task in (entry.watcher, entry.health, entry.restarter):
                if task:
                    task.cancel()
        await self._finish_tasks()

    async def _finish_tasks(self) -> None:
        me = asyncio.current_task()
        while pending := [t for t in self._rooms.tasks if t is not me and not t.done()]:
            _, left = await asyncio.wait(pending, timeout=self._rooms.config.shutdown_timeout)
            if left:
                for task in left:
                    task.cancel()
                await asyncio.wait(left, timeout=1)
                return

    def _out_of_memory(self, id_: str) -> None:
        if entry := self._rooms.table.get(id_):
            out_of_memory(self._rooms, entry)

    def _watch(self, entry: Entry) -> None:
        if entry.oom_early:
            out_of_memory(self._rooms, entry)
        entry.watcher = self._rooms.spawn(watch(self._rooms, entry), f"watch of {entry.id}")

    async def _remove_abandoned(self, entry: Entry) -> None:
        """A container with --rm that could not be started, or whose restart was called off, is removed."""
        if entry.record.host_config.auto_remove and not entry.gone:
            result = WaitResult(entry.record.state.exit_code)
            await removal.bury(self._rooms, entry, volumes=True, result=result)

    async def _do(self, work: Coroutine[Any, Any, T], name: str) -> T:
        return await self._rooms.shielded(work, name)

    @property
    def rooms(self) -> Rooms:
        """What the containers are made of: for whoever looks at the whole engine."""
        return self._rooms

    # -- looking -------------------------------------------------------------------------------------------------

    def get(self, ref: str) -> Container:
        """Return a container's record; it is the engine's own and must not be changed."""
        return self._rooms.table.find(ref).record

    def list(self, all: bool = False, limit: int = 0, filters: Filters | None = None) -> builtins.list[Container]:
        """Return running containers, or `all`, newest first; a `limit` above 0 counts stopped ones too.

        Raises:
            InvalidArgument: a filter's value cannot be.
        """
        return list_containers(self._rooms, all, limit, filters or {})

    def ports(self, container: Container) -> Mapping[str, Sequence[PortBinding] | None]:
        """Return `NetworkSettings.Ports`."""
        return container.ports

    def sandbox(self, container: Container) -> tuple[str, str]:
        """Return the ID and path of a running container's network namespace, empty texts where it has none."""
        if not is_live(container) or not has_sandbox(container):
            return "", ""
        return container.id, str(self._rooms.config.run / "netns" / container.id)

    def exec_ids(self, ref: str) -> builtins.list[str]:
        """Return the IDs of the processes prepared or running in a container."""
        return sorted(self._rooms.table.find(ref).execs)

    def restart_delay(self, ref: str) -> float:
        """Return the seconds that are waited before the policy's next start, 0 where none is to come."""
        entry = self._rooms.table.find(ref)
        return entry.backoff if entry.restarter is not None else 0.0

    def graph_data(self, container: Container) -> dict[str, str]:
        """Return what the storage driver says of a container's layer (`GraphDriver.Data`)."""
        return self._rooms.storage.describe(container.id, self._rooms.roots.path(container.id))

    async def size(self, ref: str) -> tuple[int, int]:
        """Return the bytes of the writable layer, and of it and the image together."""
        return await exporting.size(self._rooms, self.get(ref))

    async def top(self, ref: str, ps_args: str = "-ef") -> tuple[builtins.list[str], builtins.list[builtins.list[str]]]:
        """Return the titles and rows of ps for a container's processes. Raises Conflict, InvalidArgument."""
        return await processes.top(self._rooms, self._rooms.table.find(ref), ps_args)

    def stats(self, ref: str, stream: bool = True, one_shot: bool = False) -> AsyncIterator[dict[str, Any]]:
        """Return samples of a container's use of the machine, as the API has them."""
        return stats(self._rooms, self._rooms.table.find(ref), stream, one_shot)

    async def changes(self, ref: str) -> builtins.list[Change]:
        """Return what a container changed in its image's files."""
        return await exporting.changes(self._rooms, self._rooms.table.find(ref))

    def logs(self, ref: str, options: LogOptions) -> AsyncIterator[builtins.list[LogLine]]:
        """Return the lines that a container printed, those that are there together; with `follow` until it ends.

        Raises:
            Unsupported: its log driver is `none`.
        """
        entry = self._rooms.table.find(ref)
        if entry.record.host_config.log_config and entry.record.host_config.log_config.type == "none":
            raise Unsupported("configured logging driver does not support reading")
        ending = entry.ending
        if not is_live(entry.record):
            ending = Ending()
            ending.set()
        return read_log_batches(self._rooms.spool(entry.id), options, ending)

    # -- making and removing -------------------------------------------------------------------------------------

    async def create(
        self,
        name: str | None,
        config: ContainerConfig | None,
        host_config: HostConfig | None = None,
        networking: NetworkingConfig | None = None,
        platform: str | None = None,
        *,
        base: Image | None = None,
        purpose: str = "",
        passing_env: Sequence[str] = (),
    ) -> Created:
        """Make a container; see `create.create`."""
        work = create(
            self._rooms,
            name,
            config,
            host_config,
            networking=networking,
            platform=platform,
            base=base,
            purpose=purpose,
            passing_env=passing_env,
        )
        return await self._do(work, "create")

    async def remove(self, ref: str, force: bool = False, volumes: bool = False, link: bool = False) -> None:
        """Remove a container; with `link` a legacy link, whose name is `container/alias`.

        Raises:
            Conflict: it runs and `force` is false.
        """
        if link:
            await self._do(changing.remove_link(self._rooms, ref), "link")
            return
        entry = self._rooms.table.find(ref)
        await self._do(removal.remove(self._rooms, entry, force=force, volumes=volumes), f"removal of {entry.id}")

    async def remove_abandoned_builds(self) -> None:
        """Remove the containers of builds that were under way when an earlier daemon ended."""
        for entry in list(self._rooms.table):
            if entry.record.purpose:
                await self.remove(entry.id, force=True, volumes=True)

    async def prune(self, filters: Filters | None = None) -> tuple[builtins.list[str], int]:
        """Remove stopped containers; return their IDs and the bytes that came free."""
        return await self._do(self._pruner.prune(filters or {}), "prune")

    async def rename(self, ref: str, name: str) -> None:
        """Give a container another name. Raises InvalidArgument, Conflict."""
        await self._do(changing.rename(self._rooms, self._rooms.table.find(ref), name), "rename")

    async def update(
        self, ref: str, resources: Mapping[str, Any], restart_policy: RestartPolicy | None = None
    ) -> builtins.list[str]:
        """Change limits (fields of HostConfig) and the restart policy; return warnings. Raises as `changing.update`."""
        entry = self._rooms.table.find(ref)
        return await self._do(changing.update(self._rooms, entry, resources, restart_policy), "update")

    # -- running -------------------------------------------------------------------------------------------------

    async def start(self, ref: str) -> None:
        """Start a container; see `start.start`."""
        await self._do(start.start(self._rooms, self._rooms.table.find(ref)), "start")

    async def stop(self, ref: str, signal: str | None = None, timeout: int | None = None) -> None:
        """Stop a container: its stop signal, then SIGKILL after `timeout` seconds. Raises NotModified."""
        await self._do(stopping.stop(self._rooms, self._rooms.table.find(ref), signal, timeout), "stop")

    async def restart(self, ref: str, signal: str | None = None, timeout: int | None = None) -> None:
        """Stop a container if it runs, and start it."""
        await self._do(start.restart(self._rooms, self._rooms.table.find(ref), signal, timeout), "restart")

    async def kill(self, ref: str, signal: str = "SIGKILL") -> None:
        """Send a signal to a container. Raises Conflict when it does not run."""
        await self._do(stopping.kill(self._rooms, self._rooms.table.find(ref), ref, signal), "kill")

    async def pause(self, ref: str) -> None:
        """Freeze a container. Raises Conflict."""
        await self._do(pausing.pause(self._rooms, self._rooms.table.find(ref)), "pause")

    async def unpause(self, ref: str) -> None:
        """Let a frozen container go on. Raises Conflict."""
        await self._do(pausing.unpause(self._rooms, self._rooms.table.find(ref)), "unpause")

    async def settled(self, ref: str) -> None:
        """Wait until what a run that has ended had mounted is unmounted."""
        cleaning = self._rooms.table.find(ref).cleaning
        if cleaning is not None:
            await asyncio.shield(cleaning)

    def wait_handle(self, ref: str, condition: str = "") -> asyncio.Future[WaitResult]:
        """Return a future of `not-running`, `next-exit` or `removed`, registered at once; cancel it to give up."""
        return wait_handle(self._rooms, ref, condition)

    async def wait(self, ref: str, condition: str = "") -> WaitResult:
        """Wait for a condition."""
        return await self.wait_handle(ref, condition)

    async def resize(self, ref: str, height: int, width: int) -> None:
        """Set the size of a container's terminal. Raises Conflict when it does not run."""
        await changing.resize(self._rooms, self._rooms.table.find(ref), height, width)

    async def attach(self, ref: str, options: AttachOptions) -> ContainerSession:
        """Attach to a container's streams, before its start too. Raises Conflict, InvalidArgument."""
        return attach(self._rooms, ref, options)

    # -- exec ----------------------------------------------------------------------------------------------------

    async def exec_create(self, ref: str, config: ExecConfig) -> str:
        """Prepare a process in a running container and return its ID. Raises Conflict, InvalidArgument."""
        return self._execs.create(ref, config)

    def exec_check(self, exec_id: str) -> None:
        """Raise what `exec_start` would raise before it begins."""
        self._execs.check(exec_id)

    async def exec_start(
        self, exec_id: str, detach: bool = False, tty: bool = False, size: tuple[int, int] | None = None
    ) -> ExecSession | None:
        """Start a prepared process; return its streams, None with `detach`. `size` is (rows, columns)."""
        return await self._execs.start(exec_id, detach=detach, tty=tty, size=size)

    def exec_inspect(self, exec_id: str) -> Exec:
        """Return a prepared, running or ended process."""
        return self._execs.get(exec_id)

    async def exec_resize(self, exec_id: str, height: int, width: int) -> None:
        """Set the size of a process's terminal."""
        await self._execs.resize(exec_id, height, width)

    # -- files ---------------------------------------------------------------------------------------------------

    async def archive_stat(self, ref: str, path: str) -> PathStat:
        """Return what is at a path of a container. Raises NotFound."""
        return await self._do(copying.stat(self._rooms, self._rooms.table.find(ref), path), "stat")

    async def archive_get(self, ref: str, path: str) -> tuple[PathStat, AsyncIterator[bytes]]:
        """Return what is at a path of a container, and a tar of it."""
        return await copying.get(self._rooms, self._rooms.table.find(ref), path)

    async def archive_put(
        self,
        ref: str,
        path: str,
        tar: AsyncIterator[bytes],
        no_overwrite_dir_non_dir: bool = False,
        copy_uid_gid: bool = False,
    ) -> None:
        """Unpack a tar into a directory of a container. A caller that is cancelled leaves what was unpacked so far."""
        await copying.put(
            self._rooms,
            self._rooms.table.find(ref),
            path,
            tar,
            no_overwrite_dir_non_dir=no_overwrite_dir_non_dir,
            copy_uid_gid=copy_uid_gid,
        )

    async def export(self, ref: str) -> AsyncIterator[bytes]:
        """Return a tar of a container's root file system."""
        return await exporting.export(self._rooms, self._rooms.table.find(ref))

    async def commit(
        self,
        ref: str,
        *,
        repo: str = "",
        tag: str = "",
        author: str = "",
        comment: str = "",
        pause: bool = True,
        changes: Iterable[str] = (),
        config: ContainerConfig | None = None,
    ) -> str:
        """Make an image of a container's changes and return its ID."""
        entry = self._rooms.table.find(ref)
        work = exporting.commit(
            self._rooms,
            entry,
            repo=repo,
            tag=tag,
            author=author,
            comment=comment,
            pause=pause,
            changes=changes,
            config=config,
        )
        return await self._do(work, f"commit of {entry.id}")

    # -- networks ------------------------------------------------------------------------------------------------

    async def connect(self, network_ref: str, ref: str, settings: EndpointSettings | None = None) -> None:
        """Connect a container to a network, running or not."""
        work = changing.connect(self._rooms, network_ref, self._rooms.table.find(ref), settings or EndpointSettings())
        await self._do(work, "connect")

    async def disconnect(self, network_ref: str, ref: str, force: bool = False) -> None:
        """Take a container off a network."""
        await self._do(changing.disconnect(self._rooms, network_ref, self._rooms.table.find(ref), force), "disconnect")

    # -- what the other rooms ask --------------------------------------------------------------------------------

    def users_of_image(self, image_id: str) -> builtins.list[tuple[str, str, bool]]:
        """Return (ID, name, running) of the containers made from an image."""
        return [(c.id, c.name, c.state.running) for c in self._rooms.table.where(lambda c: c.image_id == image_id)]

    def users_of_volume(self, name: str) -> builtins.list[str]:
        """Return the IDs of the containers that mount a volume."""
        return [c.id for c in self._rooms.table.where(lambda c: any(p.name == name for p in c.mounts))]

    def users_of_network(self, network_id: str) -> dict[str, str]:
        """Return the names of the containers with an endpoint on a network, by ID; stopped ones too."""
        return {
            c.id: c.name
            for c in self._rooms.table.where(lambda c: any(e.network_id == network_id for e in c.networks.values()))
        }
