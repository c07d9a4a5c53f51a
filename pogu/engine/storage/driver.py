"""What every storage driver promises: read-only layers, and writable layers of containers on top of them.

A layer is named by its chain ID (OCI image specification, "Layer ChainID"), a container's writable layer by the
container's ID. `tests/engine/storage/contract.py` holds every implementation to this text.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from pogu.engine.archive.streams import Readable


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One unpacked layer. IDs are `sha256:<hex>`; `size` is bytes of file content, as Docker counts a layer."""

    chain_id: str
    diff_id: str
    size: int
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class OnDisk:
    """What is in a driver's directory: chain IDs of whole layers, IDs of writable layers, and paths of the rest."""

    layers: set[str]
    containers: set[str]
    unknown: list[str]  # neither layer nor writable layer
    garbage: list[str]  # thrown away, and not being deleted


class ChangeKind(enum.IntEnum):
    """How a path differs from the image, with Docker's numbers (`GET /containers/{id}/changes`)."""

    MODIFIED = 0
    ADDED = 1
    DELETED = 2


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One changed path, absolute in the container."""

    path: str
    kind: ChangeKind


class StorageDriver(ABC):
    """Layers and root file systems below one directory that is the driver's own.

    All methods may be called concurrently. Blocking work runs in threads. A call that is cancelled leaves either
    what was there before or the finished result, never a half-made layer; a crash likewise, after `start`.
    """

    name: str

    @abstractmethod
    async def start(self) -> None:
        """Make the directories, read which layers and containers exist, remove what a crash left half-made.

        Raises:
            Unsupported: this host or file system cannot hold such layers; the message says what to do.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Release threads and descriptors. Mounts and files stay."""

    @abstractmethod
    async def add_layer(
        self,
        chain_id: str | None,
        parent: str | None,
        tar: Readable,
        *,
        diff_id: str | None = None,
        hashed: Callable[[], str] | None = None,
    ) -> LayerInfo:
        """Unpack an uncompressed layer archive on top of `parent` (a chain ID) and return what it is.

        `tar` is read in a thread, to its end. With `chain_id` None the layer gets the chain ID that its content
        and parent give (the parent must exist). A layer that exists already is returned at once without reading
        `tar`; concurrent calls for one chain ID unpack once. The layer is on the disk once `settle` has returned: until
        then a loss of power may leave a part of it, under its name. With `hashed` the caller hashes what `tar` gives:
        that is called in a thread when all is unpacked, and returns the diff ID; nothing is hashed here.

        Raises:
            NotFound: no such parent.
            InvalidArgument: not a tar archive, or its content does not have `diff_id` or does not give `chain_id`.
        """

    @abstractmethod
    async def settle(self) -> None:
        """Return when all layers that were added before are on the disk; OSError if it cannot be written."""

    @abstractmethod
    def unsettled(self, chain_ids: Iterable[str]) -> list[str]:
        """Return those of the layers that the disk may not have yet."""

    @abstractmethod
    def has_layer(self, chain_id: str) -> bool:
        """Say whether the layer is unpacked."""

    @abstractmethod
    def layers(self) -> list[LayerInfo]:
        """Return all layers, in no order."""

    @abstractmethod
    def layer(self, chain_id: str) -> LayerInfo:
        """Return one layer; NotFound if it does not exist."""

    @abstractmethod
    async def remove_layer(self, chain_id: str) -> None:
        """Remove a layer; nothing happens if it does not exist.

        Raises:
            Conflict: another layer or a container stands on it.
        """

    @abstractmethod
    def layer_diff(self, chain_id: str) -> AsyncIterator[bytes]:
        """Yield a tar archive of one layer's changes.

        Unpacking it gives the layer again; its bytes are not those of the archive that was added.

        Raises:
            NotFound: no such layer.
        """

    @abstractmethod
    async def create(self, container_id: str, chain_id: str | None, size_limit: int | None = None) -> None:
        """Make a container's writable layer on `chain_id` (None: on nothing). One that exists is left as it is.

        `size_limit` is bytes.

        Raises:
            NotFound: no such layer.
            Unsupported: the driver cannot limit sizes here.
        """

    @abstractmethod
    def containers(self) -> list[str]:
        """Return the IDs that have a writable layer, in no order."""

    @abstractmethod
    async def mount(self, container_id: str, target: Path) -> None:
        """Mount the container's root file system on the directory `target`, made if missing; idempotent.

        Raises:
            NotFound: `create` was never called.
        """

    @abstractmethod
    async def unmount(self, container_id: str, target: Path) -> None:
        """Undo `mount`; nothing happens if it is not mounted. The directory `target` stays."""

    @abstractmethod
    async def remove(self, container_id: str) -> None:
        """Remove the writable layer; nothing happens if it does not exist. It must not be mounted.

        When it returns the name is free and a kill of the daemon cannot bring the layer back; the files go right after.
        """

    @abstractmethod
    async def adopt(self, container_id: str, diff_id: str) -> LayerInfo:
        """Make a writable layer a layer, whose archive (that of `diff`, when nothing changes any more) has `diff_id`.

        It must not be mounted, and is gone afterwards. A layer that exists already is returned.

        Raises:
            NotFound: `create` was never called.
        """

    @abstractmethod
    async def changes(self, container_id: str) -> list[Change]:
        """Return what the container changed, sorted by path, as `docker diff` shows it.

        Raises:
            NotFound: `create` was never called.
        """

    @abstractmethod
    def diff(self, container_id: str) -> AsyncIterator[bytes]:
        """Yield the writable layer as a layer archive (uncompressed tar with `.wh.` entries), for a commit.

        Raises:
            NotFound: `create` was never called (when iteration starts).
        """

    @abstractmethod
    async def usage(self, container_id: str) -> int:
        """Return the bytes of file content in the writable layer (`SizeRw`)."""

    @abstractmethod
    def describe(self, container_id: str, target: Path | None = None) -> dict[str, str]:
        """Return what `inspect` shows as `GraphDriver.Data`: host paths, `MergedDir` being `target`."""

    def describe_layer(self, chain_id: str) -> dict[str, str]:
        """Return what `inspect` of an image shows as `GraphDriver.Data`: host paths of its topmost layer.

        Raises:
            NotFound: no such layer.
        """
        return {}

    @abstractmethod
    def parent_of(self, container_id: str) -> str | None:
        """Return the chain ID a container stands on, None for nothing; NotFound if it was never created."""

    @abstractmethod
    def path_of(self, chain_id: str) -> Path:
        """Return the directory that holds a layer's `fs` and `layer.json`."""

    @abstractmethod
    async def replace_layer(self, chain_id: str, tar: Readable) -> None:
        """Unpack a layer again from its archive, in place of its damaged files. Nothing may have it mounted.

        Raises:
            NotFound: no such layer.
            InvalidArgument: the archive is not the layer's; the layer stays as it is.
        """

    @abstractmethod
    def on_disk(self) -> OnDisk:
        """Look at the directory, whatever is known in memory; blocks."""

    @abstractmethod
    async def discard(self, name: str) -> None:
        """Delete something that `on_disk` called unknown or garbage."""

    @abstractmethod
    def status(self) -> list[tuple[str, str]]:
        """Return pairs for `info`'s DriverStatus (backing file system and the like)."""
