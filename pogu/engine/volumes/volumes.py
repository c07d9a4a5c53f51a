"""The volumes of one engine, kept by the local driver: a directory each, or something mounted while it is used."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from pogu.engine.archive import run_in_thread
from pogu.engine.archive.clone import TreeCopier
from pogu.engine.config import EngineConfig
from pogu.engine.events import EventBus
from pogu.engine.model import Volume
from pogu.engine.naming import new_id
from pogu.engine.state import Delete, Put, StateStore
from pogu.engine.storage.compare import usage
from pogu.engine.storage.trash import Trash
from pogu.engine.volumes import options as rules
from pogu.errors import Conflict, InvalidArgument, NotFound, PoguError
from pogu.failpoints import step
from pogu.linux.filesystems import spread
from pogu.linux.mounts import MNT_DETACH, is_mounted, mount_with, unmount
from pogu.linux.paths import open_directory, open_root, opened

log = logging.getLogger(__name__)

_KIND = "volume"
Filters = Mapping[str, Sequence[str]]
Pruned = tuple[list[str], int]


class Volumes:
    """All volumes by name.

    `in_use` is set by whoever composes the engine: it returns the IDs of the containers that refer to a volume.
    """

    def __init__(self, config: EngineConfig, state: StateStore, events: EventBus) -> None:
        self._root = config.root / "volumes"
        self._state = state
        self._events = events
        self._volumes: dict[str, Volume] = {}
        # the containers that have a volume mounted, and whether an event told so
        self._users: dict[str, dict[str, bool]] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._trash = Trash(config.root / "volumes-trash")
        self.in_use: Callable[[str], list[str]] = lambda _name: []

    async def start(self) -> None:
        """Read the records, and set right what a crash left half-made.

        A record without a directory was being removed. A directory without a record was being made, and goes if it is
        empty; one with files in it is taken over as a volume rather than lost.
        """
        self._root.mkdir(mode=0o701, parents=True, exist_ok=True)
        spread(self._root)
        self._trash.start()
        records = self._records()
        gone = [v for v in records if not self._data(v.name).is_dir()]
        self._volumes = {v.name: v for v in records if v not in gone}
        found = [self._adopt(p) for p in self._root.iterdir() if p.name not in self._volumes]
        adopted = [v for v in found if v is not None]
        if gone or adopted:
            await self._state.commit(
                *(Delete(_KIND, v.name) for v in gone), *(Put(_KIND, v.name, v.encode()) for v in adopted)
            )
        self._volumes |= {v.name: v for v in adopted}

    def _records(self) -> Sequence[Volume]:
        found = []
        for name, data in self._state.load(_KIND):
            try:
                found.append(Volume.decode(data))
            except msgspec.MsgspecError as e:  # its directory, if it has files, becomes a volume again
                log.error("volume %s: its record cannot be read: %s", name, e)
        return found

    def _adopt(self, path: Path) -> Volume | None:
        data = path / "_data"
        if not data.is_dir() or not any(data.iterdir()):
            self._trash.throw(path)
            return None
        return Volume(name=path.name, mountpoint=str(data), created_at=_now(data.stat().st_ctime))

    async def stop(self) -> None:
        """End the thread that deletes; mounts and files stay."""
        await self._trash.stop()

    # looking

    def get(self, name: str) -> Volume:
        """Return a volume; NotFound if it does not exist."""
        try:
            return self._volumes[name]
        except KeyError:
            raise NotFound(f"get {name}: no such volume") from None

    def list(self, filters: Filters | None = None) -> list[Volume]:
        """Return the volumes that match, by name. Filters are `name`, `driver`, `label` and `dangling`.

        Raises:
            InvalidArgument: another filter, or a value that is not a truth value.
        """
        given = filters or {}
        matches = rules.matcher(given, rules.LIST_FILTERS)
        dangling = rules.parse_bool("dangling", given.get("dangling", ()))
        return [
            v
            for _, v in sorted(self._volumes.items())
            if matches(v) and (dangling is None or dangling is not bool(self.in_use(v.name)))
        ]

    async def size(self, name: str) -> int:
        """Return the bytes of the files in a volume; -1 for one that is mounted from elsewhere."""
        if rules.needs_mount(self.get(name).options):
            return -1
        return await asyncio.to_thread(_size, self._data(name))

    # making and removing

    async def create(
        self,
        name: str | None,
        driver: str = "local",
        driver_opts: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        *,
        anonymous: bool = False,
        made_for: str = "",
    ) -> Volume:
        """Make a volume, or return the one that has this name. Without a name it gets one and counts as anonymous.

        One that is `made_for` a container which is being created goes with it after a crash, until it is `kept`.

        Raises:
            InvalidArgument: a name or options that the local driver refuses.
            NotFound: another driver than `local`.
        """
        anonymous = anonymous or not name
        name = name or new_id()
        try:
            rules.check_name(name)
            if driver not in ("", "local"):
                raise NotFound(f'error looking up volume plugin {driver}: plugin "{driver}" not found')
            rules.check_options(driver_opts or {})
        except (InvalidArgument, NotFound) as e:
            raise type(e)(f"create {name}: {e.message}") from None
        async with self._lock(name):
            if name in self._volumes:
                if self._volumes[name].made_for != made_for:  # it is somebody else's now, too
                    await self._state.commit(*self.keeping([name]))
                    self.kept([name])
                return self._volumes[name]
            extra = {rules.ANONYMOUS_LABEL: ""} if anonymous else {}
            volume = Volume(
                name=name,
                mountpoint=str(self._data(name)),
                created_at=_now(),
                labels={**labels, **extra} if labels is not None else extra or None,
                options=dict(driver_opts) if driver_opts else None,
                anonymous=anonymous,
                made_for=made_for,
            )
            await asyncio.shield(self._make(volume))
        return volume

    def keeping(self, names: Sequence[str]) -> Sequence[Put]:
        """Return the changes that make volumes stay whatever becomes of the container they were made for."""
        found = [self._volumes[n] for n in names if n in self._volumes and self._volumes[n].made_for]
        return [Put(_KIND, v.name, msgspec.structs.replace(v, made_for="").encode()) for v in found]

    def kept(self, names: Sequence[str]) -> None:
        """Note that those changes were committed."""
        for name in names:
            if name in self._volumes:
                self._volumes[name].made_for = ""

    async def discard_unmade(self) -> None:
        """After a crash: remove the volumes that were made for containers whose creation was never finished."""
        for volume in [v for v in self._volumes.values() if v.made_for]:
            log.info("removing volume %s of a container that was never made", volume.name)
            await self.remove(volume.name)

    async def _make(self, volume: Volume) -> None:
        data = self._data(volume.name)
        try:
            data.parent.mkdir(mode=0o701)
            data.mkdir(mode=0o755)
            data.chmod(0o755)  # whatever the umask
            step("volume.create.directory")
            await self._state.commit(Put(_KIND, volume.name, volume.encode()))
        except BaseException as e:
            self._trash.throw(data.parent)
            if isinstance(e, OSError):
                raise PoguError(f"create {volume.name}: {e.strerror or e}") from e
            raise
        self._volumes[volume.name] = volume
        step("volume.create.recorded")
        self._events.publish("volume", "create", volume.name, {"driver": volume.driver})

    async def remove(self, name: str, force: bool = False) -> None:
        """Remove a volume and its files. `force` makes a missing one no error.

        Raises:
            NotFound: no such volume.
            Conflict: containers use it.
        """
        async with self._lock(name):
            if force and name not in self._volumes:
                return
            volume = self.get(name)
            users = sorted({*self.in_use(name), *self._users.get(name, ())})
            if users:
                raise Conflict(f"remove {name}: volume is in use - [{', '.join(users)}]")
            await asyncio.shield(self._remove(volume))

    async def _remove(self, volume: Volume) -> None:
        data = self._data(volume.name)
        if is_mounted(data):
            await asyncio.to_thread(unmount, data, MNT_DETACH)
        del self._volumes[volume.name]
        held = self._trash.new()
        try:
            data.parent.rename(held)
            step("volume.remove.moved")
            await self._state.commit(Delete(_KIND, volume.name))
        except BaseException as e:  # it is not removed then, nor are its files
            if held.exists():
                held.rename(data.parent)
            self._volumes[volume.name] = volume
            if isinstance(e, OSError):
                raise PoguError(f"remove {volume.name}: {e.strerror or e}") from e
            raise
        step("volume.remove.recorded")
        self._trash.throw(held)
        self._events.publish("volume", "destroy", volume.name, {"driver": volume.driver})

    async def prune(self, filters: Filters | None = None, all: bool = False) -> Pruned:
        """Remove the volumes that no container uses and return their names and the bytes that came free.

        Only anonymous ones, unless `all` or the filter `all=true` says so (API 1.42 made the difference); never those
        mounted from elsewhere. Further filters are `label` and `label!`.

        Raises:
            InvalidArgument: another filter.
        """
        given = filters or {}
        matches = rules.matcher(given, rules.PRUNE_FILTERS)
        everything = all or bool(rules.parse_bool("all", given.get("all", ())))
        names: list[str] = []
        freed = 0
        for volume in list(self._volumes.values()):
            if volume.options or not matches(volume) or not (everything or volume.anonymous):
                continue
            if self.in_use(volume.name) or self._users.get(volume.name):
                continue
            try:
                size = await self.size(volume.name)
                await self.remove(volume.name)
            except (Conflict, NotFound):  # taken into use, or removed, while it was measured
                continue
            names.append(volume.name)
            freed += size
        self._events.publish("volume", "prune", "", {"reclaimed": str(freed)})
        return names, freed

    # using

    async def mount(
        self,
        name: str,
        container_id: str,
        *,
        destination: str = "",
        read_write: bool = True,
        propagation: str = "",
        quiet: bool = False,
    ) -> Path:
        """Make a volume ready for a container and return its directory on the host; idempotent.

        What the driver options name is mounted with the first user. The rest is for the event; `quiet` sends none, nor
        one when it is unmounted: for work on a container that does not run. A daemon that takes up containers which
        were running all along mounts for them quietly, too.

        Raises:
            NotFound: no such volume.
            InvalidArgument: the driver options cannot be mounted.
        """
        async with self._lock(name):
            volume = self.get(name)
            data = self._data(name)
            if rules.needs_mount(volume.options):
                await run_in_thread(lambda: _mount(volume, data), lambda: None, "volume")
            users = self._users.setdefault(name, {})
            announced = users.get(container_id, False)
            users[container_id] = announced or not quiet
        if not quiet:
            self._events.publish(
                "volume",
                "mount",
                name,
                {
                    "driver": volume.driver,
                    "container": container_id,
                    "destination": destination,
                    "read/write": "true" if read_write else "false",
                    "propagation": propagation,
                },
            )
        return data

    async def unmount(self, name: str, container_id: str) -> None:
        """Undo `mount` of one container; nothing happens if it did not mount the volume."""
        async with self._lock(name):
            users = self._users.get(name, {})
            if container_id not in users:
                return
            announced = users.pop(container_id)
            if not users:
                self._users.pop(name, None)
                if name in self._volumes and rules.needs_mount(self._volumes[name].options):
                    await run_in_thread(lambda: unmount(self._data(name), MNT_DETACH), lambda: None, "volume")
        if announced:
            self._events.publish("volume", "unmount", name, {"driver": "local", "container": container_id})

    async def copy_up(self, volume: Volume, rootfs_dir: Path, destination: str) -> None:
        """Fill an empty volume with what the image has at `destination` below `rootfs_dir`, owner and mode included.

        Nothing happens if the volume has files, or the image no directory there. Links in the image cannot lead out of
        it. The caller has mounted the volume for its container. A crash leaves a plain volume filled or empty.

        Raises:
            NotFound: no such volume.
            PoguError: the files could not be copied (no space).
        """
        async with self._lock(volume.name):
            record = self.get(volume.name)
            # A new directory in place of the old one would escape whoever else has the old one mounted.
            swap = not rules.needs_mount(record.options) and len(self._users.get(record.name, ())) <= 1
            data = self._data(record.name)
            try:
                await run_in_thread(lambda: self._copy_up(data, rootfs_dir, destination, swap), lambda: None, "copy-up")
            except OSError as e:
                raise PoguError(f"cannot copy the image's content into volume {record.name}: {e.strerror or e}") from e

    def _copy_up(self, data: Path, rootfs: Path, destination: str, swap: bool) -> None:
        if any(data.iterdir()):
            return
        try:
            with opened(open_root(rootfs)) as root:
                source = open_directory(root, destination)
        except (FileNotFoundError, NotADirectoryError):
            return
        with opened(source):
            target = self._trash.new() if swap else data
            target.mkdir(mode=0o700, exist_ok=True)
            try:
                with opened(open_root(target)) as fd:
                    TreeCopier(source, fd).copy()
                if swap:
                    target.rename(data)  # replaces an empty directory in one step
                    self._trash.left(target)
            except BaseException:
                if swap:
                    self._trash.throw(target)
                raise

    # looking at it from outside, and repairing

    def directories(self) -> set[str]:
        """Return the names that have a directory; blocks."""
        return {p.name for p in self._root.iterdir() if (p / "_data").is_dir()}

    def users(self, name: str) -> tuple[str, ...]:
        """Return the IDs of the containers that have a volume mounted."""
        return tuple(self._users.get(name, ()))

    def is_busy(self, name: str) -> bool:
        """Tell whether a volume is being made, mounted or removed."""
        lock = self._locks.get(name)
        return lock is not None and lock.locked()

    async def remake(self, name: str) -> None:
        """Make the directory of a volume that has lost it."""
        async with self._lock(name):
            if name in self._volumes:
                self._data(name).mkdir(mode=0o755, parents=True, exist_ok=True)

    async def adopt(self, name: str) -> None:
        """Make a directory that no volume has a volume again; an empty one is thrown away."""
        async with self._lock(name):
            volume = None if name in self._volumes else self._adopt(self._root / name)
            if volume is not None:
                await self._state.commit(Put(_KIND, name, volume.encode()))
                self._volumes[name] = volume

    def forgotten(self) -> Sequence[str]:
        """Return the names of thrown away trees that could not be deleted; blocks."""
        return self._trash.forgotten()

    # shared steps

    def _data(self, name: str) -> Path:
        return self._root / name / "_data"

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())


def _mount(volume: Volume, target: Path) -> None:
    if is_mounted(target):
        return
    given = volume.options or {}
    device, kind, text = given.get("device", ""), given.get("type", ""), given.get("o", "")
    try:
        mount_with(device, target, kind, rules.with_address(kind, text))
    except OSError as e:
        message = f"failed to mount local volume: mount {device}:{target}, data: {text}: {(e.strerror or '').lower()}"
        raise InvalidArgument(f"error while mounting volume '{target}': {rules.without_password(message, text)}") from e


def _size(data: Path) -> int:
    with opened(open_root(data)) as fd:
        return usage(fd)


def _now(seconds: float | None = None) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
