"""What all drivers that keep layers as directories share: names, records, crash safety, who stands on whom.

On the disk, below the driver's own directory:

    layers/<short>/layer.json   LayerInfo; `short` is the start of the chain ID, so that mount options stay short
    layers/<short>/fs/          the unpacked layer
    containers/<id>/            a writable layer, whatever the driver keeps for it
    containers/<id>/layer       symlink to the layer it stands on; none if it stands on nothing
    trash/                      half-made and removed things

A layer is complete when it has its name: it is unpacked in `trash/` and renamed. It may lose that property to a loss of
power until it has been settled.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import stat
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import msgspec

from pogu.engine.archive import Hashed, Readable, ReadAhead, run_in_thread
from pogu.engine.storage.driver import LayerInfo, OnDisk, StorageDriver
from pogu.engine.storage.trash import Trash
from pogu.errors import Cancelled, Conflict, InvalidArgument, NotFound, PoguError
from pogu.failpoints import step
from pogu.linux.mounts import syncfs
from pogu.linux.paths import open_root, opened

_WORKERS = 4  # threads
_SHORT = 12  # hex digits of a layer's directory name; more where two chain IDs begin alike
_CHAIN = re.compile(r"sha256:[0-9a-f]{64}")
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class _Stoppable:
    """A source that fails once it was told to stop."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        cancel = getattr(self._source, "cancel", None)  # a ThreadReader may be waiting for its sender
        if cancel is not None:
            cancel()

    def read(self, size: int = -1, /) -> bytes:
        if self._stopped:
            raise Cancelled("unpacking the layer was given up")
        return self._source.read(size)

    def copy_to(self, fd: int, most: int) -> int:
        """As `FileReader.copy_to`; -1 where the source is no file."""
        if self._stopped:
            raise Cancelled("unpacking the layer was given up")
        copy = getattr(self._source, "copy_to", None)
        return int(copy(fd, most)) if copy is not None else -1


class LayeredDriver(StorageDriver):
    """Base of the drivers; see the module for what it keeps where."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._layers: dict[str, LayerInfo] = {}
        self._short: dict[str, str] = {}  # chain ID -> directory name
        self._containers: dict[str, str | None] = {}
        self._unsettled: set[str] = set()  # layers that may not be on the disk yet
        self._adding: dict[str, asyncio.Event] = {}
        self._pinned: Counter[str] = Counter()  # layers that something is being built on
        self._trash = Trash(self.root / "trash")
        # waiting for a thread to begin costs a loaded host milliseconds, in which the event loop stands still
        self._workers = ThreadPoolExecutor(_WORKERS, "storage")

    # what a driver adds

    @abstractmethod
    def _unpack(self, target: Path, parent: str | None, tar: Readable) -> int:
        """Make the directory `target` with a layer's content and return its size. Runs in a thread."""

    @abstractmethod
    def _prepare(self, directory: Path, chain_id: str | None) -> None:
        """Make what a container needs in its new, still unnamed directory. Runs in a thread."""

    @abstractmethod
    def _seal(self, directory: Path, target: Path) -> int:
        """Move what a container's directory holds to `target`, as a layer's content; return its size. In a thread."""

    @abstractmethod
    def _probe(self) -> None:
        """Raise Unsupported if this file system will not do. Runs in a thread."""

    # life cycle

    async def start(self) -> None:
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        self.root.parent.mkdir(parents=True, exist_ok=True)
        for directory in (self.root, self.root / "layers", self.root / "containers"):
            directory.mkdir(mode=0o700, exist_ok=True)
        self._trash.start()
        self._load_layers()
        for path in (self.root / "containers").iterdir():
            self._containers[path.name] = self._stands_on(path)
        self._probe()

    def _load_layers(self) -> None:
        found: dict[str, tuple[LayerInfo, str]] = {}
        for path in (self.root / "layers").iterdir():
            try:
                info = msgspec.json.decode((path / "layer.json").read_bytes(), type=LayerInfo)
            except (OSError, msgspec.MsgspecError):  # it was complete once: the disk has lost it since
                self._trash.throw(path)
                continue
            found[info.chain_id] = (info, path.name)
        self._layers = {chain: info for chain, (info, _) in found.items()}
        self._short = {chain: name for chain, (_, name) in found.items()}

    def _stands_on(self, container: Path) -> str | None:
        try:
            short = (container / "layer").readlink().name
        except OSError:
            return None
        return next((chain for chain, name in self._short.items() if name == short), None)

    async def stop(self) -> None:
        self._workers.shutdown(wait=False)
        await self._trash.stop()

    # layers

    def has_layer(self, chain_id: str) -> bool:
        return chain_id in self._layers

    def layers(self) -> list[LayerInfo]:
        return list(self._layers.values())

    def layer(self, chain_id: str) -> LayerInfo:
        try:
            return self._layers[chain_id]
        except KeyError:
            raise NotFound(f"layer {chain_id} does not exist") from None

    async def add_layer(
        self,
        chain_id: str | None,
        parent: str | None,
        tar: Readable,
        *,
        diff_id: str | None = None,
        hashed: Callable[[], str] | None = None,
    ) -> LayerInfo:
        if chain_id is not None and not _CHAIN.fullmatch(chain_id):
            raise InvalidArgument(f"invalid chain ID {chain_id!r}")
        if chain_id is not None and not await self._claim(chain_id):
            return self._layers[chain_id]
        try:
            if parent is not None:
                self.layer(parent)
            self._pin(parent)
            try:
                return await self._add(LayerInfo(chain_id or "", diff_id or "", 0, parent), tar, hashed)
            finally:
                self._unpin(parent)
        finally:
            if chain_id is not None:
                self._release(chain_id)

    async def settle(self) -> None:
        await _finish(self._sync)

    def unsettled(self, chain_ids: Iterable[str]) -> list[str]:
        return sorted(self._unsettled.intersection(chain_ids))

    def _sync(self) -> None:
        """Write everything to the disk. Layers that were named before are safe then, with their names."""
        before = set(self._unsettled)
        with opened(open_root(self.root)) as fd:
            syncfs(fd)
        self._unsettled -= before

    async def _claim(self, chain_id: str) -> bool:
        """Become the one who adds a layer; False if it is there, perhaps after another has added it.

        If the other fails, its error is its own caller's: this one tries with its own archive.
        """
        while chain_id not in self._layers:
            if chain_id not in self._adding:
                self._adding[chain_id] = asyncio.Event()
                return True
            await self._adding[chain_id].wait()
        return False

    def _release(self, chain_id: str) -> None:
        self._adding.pop(chain_id).set()

    async def _add(self, wanted: LayerInfo, tar: Readable, hashed: Callable[[], str] | None) -> LayerInfo:
        work = self._trash.new()
        source = _Stoppable(tar)
        try:
            make = self._make_layer if hashed is None else partial(self._make_hashed, hashed)
            info = await run_in_thread(lambda: make(work, wanted, source), source.stop, "unpack")
            step("storage.layer.unpacked")
            if wanted.chain_id:
                await self._name(work, info)
            elif await self._claim(info.chain_id):
                try:
                    await self._name(work, info)
                finally:
                    self._release(info.chain_id)
            return self._layers[info.chain_id]
        except OSError as e:
            raise PoguError(f"cannot unpack a layer: {e.strerror or e}") from e
        finally:
            self._trash.throw(work)

    def _make_layer(self, work: Path, wanted: LayerInfo, source: _Stoppable) -> LayerInfo:
        """Make the directory of a layer and say what it is. The archive is read and hashed while files are written."""
        work.mkdir(mode=0o700)
        hashed = Hashed(source)
        ahead = ReadAhead(hashed, "unpack-read")
        try:
            size = self._unpack(work / "fs", wanted.parent, ahead)
        except BaseException:
            source.stop()  # the reading may be waiting for a sender
            raise
        finally:
            ahead.close()
        return _identify(wanted, hashed.digest, size)

    def _make_hashed(self, hashed: Callable[[], str], work: Path, wanted: LayerInfo, source: _Stoppable) -> LayerInfo:
        """The same for an archive that somebody else hashes."""
        work.mkdir(mode=0o700)
        size = self._unpack(work / "fs", wanted.parent, source)
        return _identify(wanted, hashed(), size)

    async def _name(self, work: Path, info: LayerInfo) -> None:
        """Give an unpacked layer its name, to the end, even if the caller is cancelled meanwhile."""
        short = self._short[info.chain_id] = self._free_name(info.chain_id)
        try:
            await _finish(lambda: self._publish(work, info, short))
        finally:
            if info.chain_id not in self._layers:
                del self._short[info.chain_id]

    def _publish(self, work: Path, info: LayerInfo, short: str) -> None:
        (work / "layer.json").write_bytes(msgspec.json.encode(info))
        step("storage.layer.described")
        target = self.root / "layers" / short
        self._unsettled.add(info.chain_id)
        work.rename(target)
        try:
            step("storage.layer.named")
        except OSError:
            self._trash.throw(target)
            raise
        self._layers[info.chain_id] = info

    def _free_name(self, chain_id: str) -> str:
        digits = chain_id.removeprefix("sha256:")
        taken = set(self._short.values())
        length = next(n for n in range(_SHORT, len(digits) + 1) if digits[:n] not in taken)
        return digits[:length]

    async def remove_layer(self, chain_id: str) -> None:
        if chain_id not in self._layers:
            return
        on_it = [c for c, chain in self._containers.items() if chain == chain_id]
        if on_it:
            raise Conflict(f"layer {chain_id} is used by container {on_it[0]}")
        if self._pinned[chain_id] or any(info.parent == chain_id for info in self._layers.values()):
            raise Conflict(f"layer {chain_id} has layers on top of it")
        path = self.path_of(chain_id)
        del self._layers[chain_id]
        self._unsettled.discard(chain_id)
        try:
            await _finish(lambda: self._trash.throw(path))
        finally:
            del self._short[chain_id]

    def path_of(self, chain_id: str) -> Path:
        """Return the directory that holds a layer's `fs` and `layer.json`."""
        return self.root / "layers" / self._short[chain_id]

    def stack(self, chain_id: str | None) -> list[Path]:
        """Return the `fs` directories of a layer and those below it, top first; NotFound if one is missing."""
        found = []
        while chain_id is not None:
            info = self.layer(chain_id)
            found.append(self.path_of(chain_id) / "fs")
            chain_id = info.parent
        return found

    # containers

    async def create(self, container_id: str, chain_id: str | None, size_limit: int | None = None) -> None:
        if not _CONTAINER.fullmatch(container_id):
            raise InvalidArgument(f"invalid container ID {container_id!r}")
        if size_limit is not None:
            self.check_limit(size_limit)
        if container_id in self._containers:
            return
        if chain_id is not None:
            self.layer(chain_id)
        self._pin(chain_id)
        try:
            await self._do(lambda: self._make(container_id, chain_id))
        finally:
            self._unpin(chain_id)

    @abstractmethod
    def check_limit(self, size_limit: int) -> None:
        """Raise Unsupported if the size of a writable layer cannot be limited here."""

    def _make(self, container_id: str, chain_id: str | None) -> None:
        work = self._trash.new()
        work.mkdir(mode=0o700)
        try:
            if chain_id is not None:
                (work / "layer").symlink_to(f"../../layers/{self._short[chain_id]}")
            self._prepare(work, chain_id)
            step("storage.container.prepared")
            work.rename(self.container_path(container_id))
            self._trash.left(work)
        except BaseException as e:
            self._trash.throw(work)
            if container_id in self._containers:  # made by another call meanwhile
                return
            if isinstance(e, OSError):
                raise PoguError(f"cannot make the writable layer of {container_id}: {e.strerror or e}") from e
            raise
        self._containers[container_id] = chain_id
        step("storage.container.named")

    def container_path(self, container_id: str) -> Path:
        return self.root / "containers" / container_id

    def containers(self) -> list[str]:
        return list(self._containers)

    def parent_of(self, container_id: str) -> str | None:
        """Return the chain ID a container stands on; NotFound if it was never created."""
        try:
            return self._containers[container_id]
        except KeyError:
            raise NotFound(f"container {container_id} has no writable layer") from None

    async def remove(self, container_id: str) -> None:
        if container_id not in self._containers:
            return
        await self._do(lambda: self._trash.throw(self.container_path(container_id)))
        self._containers.pop(container_id, None)

    async def adopt(self, container_id: str, diff_id: str) -> LayerInfo:
        parent = self.parent_of(container_id)
        chain_id = chain_of(parent, diff_id)
        self._pin(parent)
        try:
            if await self._claim(chain_id):
                try:
                    await self._take(container_id, LayerInfo(chain_id, diff_id, 0, parent))
                finally:
                    self._release(chain_id)
        except OSError as e:
            raise PoguError(f"cannot make a layer of {container_id}: {e.strerror or e}") from e
        finally:
            self._unpin(parent)
        await self.remove(container_id)
        return self._layers[chain_id]

    async def _take(self, container_id: str, wanted: LayerInfo) -> None:
        work = self._trash.new()

        def seal() -> LayerInfo:
            work.mkdir(mode=0o700)
            size = self._seal(self.container_path(container_id), work / "fs")
            return LayerInfo(wanted.chain_id, wanted.diff_id, size, wanted.parent)

        try:
            info = await run_in_thread(seal, lambda: None, "seal")
            step("storage.layer.sealed")
            await self._name(work, info)
        finally:
            self._trash.throw(work)

    # looking at it from outside

    async def replace_layer(self, chain_id: str, tar: Readable) -> None:
        info = self.layer(chain_id)
        work = self._trash.new()
        source = _Stoppable(tar)

        def replace() -> None:
            fresh = self._make_layer(work, info, source)
            (work / "layer.json").write_bytes(msgspec.json.encode(fresh))
            with opened(open_root(work)) as fd:
                syncfs(fd)
            path = self.path_of(chain_id)
            self._trash.throw(path)  # a crash here leaves no layer, and the next start unpacks it
            work.rename(path)
            self._trash.left(work)

        try:
            await run_in_thread(replace, source.stop, "unpack")
        except OSError as e:
            raise PoguError(f"cannot unpack a layer: {e.strerror or e}") from e
        finally:
            self._trash.throw(work)

    def on_disk(self) -> OnDisk:
        names = {name: chain for chain, name in list(self._short.items())}
        layers, unknown = set(), []
        for path in (self.root / "layers").iterdir():
            if path.name in names and (path / "layer.json").is_file() and (path / "fs").is_dir():
                layers.add(names[path.name])
            elif path.name not in names:
                unknown.append(f"layers/{path.name}")
        containers = set()
        for path in (self.root / "containers").iterdir():
            containers.add(path.name)
            if path.name not in self._containers:
                unknown.append(f"containers/{path.name}")
        return OnDisk(layers, containers, unknown, [f"trash/{n}" for n in self._trash.forgotten()])

    async def discard(self, name: str) -> None:
        path = self.root / name
        if path.parent.parent == self.root:
            await _finish(lambda: self._trash.throw(path))

    # shared steps

    async def _do(self, work: Callable[[], None]) -> None:
        """Make or remove a container's part in a thread, to the end even if the caller is cancelled meanwhile."""
        future = asyncio.get_running_loop().run_in_executor(self._workers, work)
        try:
            await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    def _pin(self, chain_id: str | None) -> None:
        if chain_id is not None:
            self._pinned[chain_id] += 1

    def _unpin(self, chain_id: str | None) -> None:
        if chain_id is not None:
            self._pinned[chain_id] -= 1
            if not self._pinned[chain_id]:
                del self._pinned[chain_id]


def _identify(wanted: LayerInfo, diff_id: str, size: int) -> LayerInfo:
    """Return what was unpacked, or raise InvalidArgument if it is not what was wanted."""
    if wanted.diff_id and wanted.diff_id != diff_id:
        raise InvalidArgument(f"layer content has digest {diff_id}, expected {wanted.diff_id}")
    chain_id = chain_of(wanted.parent, diff_id)
    if wanted.chain_id and wanted.chain_id != chain_id:
        raise InvalidArgument(f"layer content gives chain ID {chain_id}, expected {wanted.chain_id}")
    return LayerInfo(chain_id, diff_id, size, wanted.parent)


def chain_of(parent: str | None, diff_id: str) -> str:
    """Return the chain ID of a layer with `diff_id` on `parent` (OCI image specification, "Layer ChainID")."""
    if parent is None:
        return diff_id
    return f"sha256:{hashlib.sha256(f'{parent} {diff_id}'.encode()).hexdigest()}"


def like_root(source: Path | None, target: int) -> None:
    """Give a new root directory (a descriptor) owner and mode of the one below it, 0755 of root without one."""
    if source is None:
        os.fchmod(target, 0o755)
        return
    status = source.stat()
    os.fchown(target, status.st_uid, status.st_gid)
    os.fchmod(target, stat.S_IMODE(status.st_mode))


async def _finish(work: Callable[[], None]) -> None:
    """Run a short piece of `work` in a thread to its end, even if the caller is cancelled meanwhile."""
    await run_in_thread(work, lambda: None, "storage")
