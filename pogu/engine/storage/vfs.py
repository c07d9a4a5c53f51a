"""Every layer and every container as a whole tree of its own: slow and large, but it works on any file system."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path

from pogu.engine.archive import ExtractOptions, Readable, TarWriter, Whiteouts, extract, produce_in_thread
from pogu.engine.archive.clone import TreeCopier
from pogu.engine.archive.header import Entry
from pogu.engine.storage import compare
from pogu.engine.storage.driver import Change, ChangeKind
from pogu.engine.storage.layered import LayeredDriver, like_root
from pogu.engine.storage.lower import MergedDirectory
from pogu.engine.storage.mountpoints import remove_mountpoints
from pogu.errors import NotFound, PoguError, Unsupported
from pogu.linux.mounts import MNT_DETACH, bind, is_mounted, unmount
from pogu.linux.paths import open_root, opened, parent_of


class VfsDriver(LayeredDriver):
    """The `vfs` driver. A mount is a bind mount of the container's tree."""

    name = "vfs"

    def _probe(self) -> None:
        """Any file system will do."""

    def _unpack(self, target: Path, parent: str | None, tar: Readable) -> int:
        self._copy(parent, target)
        options = ExtractOptions(whiteouts=Whiteouts.DELETE, root_metadata=True)
        with opened(open_root(target)) as fd:
            return extract(tar, fd, options)

    def _copy(self, chain_id: str | None, target: Path) -> None:
        target.mkdir(mode=0o700)
        with opened(open_root(target)) as new:
            if chain_id is None:
                like_root(None, new)
                return
            with opened(open_root(self.path_of(chain_id) / "fs")) as old:
                TreeCopier(old, new).copy()

    async def layer_diff(self, chain_id: str) -> AsyncIterator[bytes]:
        parent = self.layer(chain_id).parent
        below = self.path_of(parent) / "fs" if parent is not None else None
        self._pin(chain_id)
        try:
            async for chunk in produce_in_thread(_differ(self.path_of(chain_id) / "fs", below), "layer-diff"):
                yield chunk
        finally:
            self._unpin(chain_id)

    def check_limit(self, size_limit: int) -> None:
        raise Unsupported("--storage-opt is not supported by the vfs storage driver")

    def _prepare(self, directory: Path, chain_id: str | None) -> None:
        self._copy(chain_id, directory / "fs")

    def _seal(self, directory: Path, target: Path) -> int:
        tree, below = directory / "fs", self._below(directory.name)
        size = _usage(tree, below)
        with ExitStack() as descriptors:
            fd = descriptors.enter_context(opened(open_root(tree)))
            old = descriptors.enter_context(opened(open_root(below))) if below is not None else None
            remove_mountpoints(fd, old)
        tree.rename(target)
        return size

    async def mount(self, container_id: str, target: Path) -> None:
        self.parent_of(container_id)
        source = self._tree(container_id)
        try:
            await asyncio.to_thread(_bind, source, target.absolute())
        except OSError as e:
            raise PoguError(f"cannot mount a container's file system: {e.strerror or e}") from e

    async def unmount(self, container_id: str, target: Path) -> None:
        await asyncio.to_thread(unmount, target, MNT_DETACH)

    async def changes(self, container_id: str) -> list[Change]:
        return await asyncio.to_thread(_changes, self._tree(container_id), self._below(container_id))

    async def diff(self, container_id: str) -> AsyncIterator[bytes]:
        work = _differ(self._tree(container_id), self._below(container_id))
        async for chunk in produce_in_thread(work, "diff"):
            yield chunk

    async def usage(self, container_id: str) -> int:
        return await asyncio.to_thread(_usage, self._tree(container_id), self._below(container_id))

    def _tree(self, container_id: str) -> Path:
        return self.container_path(container_id) / "fs"

    def _below(self, container_id: str) -> Path | None:
        """The whole tree a container began as; NotFound if the container does not exist."""
        chain_id = self.parent_of(container_id)
        if chain_id is None:
            return None
        if not self.has_layer(chain_id):
            raise NotFound(f"layer {chain_id} does not exist")
        return self.path_of(chain_id) / "fs"

    def describe(self, container_id: str, target: Path | None = None) -> dict[str, str]:
        self.parent_of(container_id)
        return {}

    def status(self) -> list[tuple[str, str]]:
        return []


def _bind(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    if not is_mounted(target):
        bind(source, target)


def _changes(tree: Path, below: Path | None) -> list[Change]:
    with opened(open_root(tree)) as fd:
        return compare.changes(fd, MergedDirectory.of([below]) if below is not None else None, complete=True)


def _usage(tree: Path, below: Path | None) -> int:
    """Bytes of the files that were added or modified, each inode once."""
    seen: dict[tuple[int, int], int] = {}
    with opened(open_root(tree)) as fd:
        for change in _changes(tree, below):
            if change.kind is ChangeKind.DELETED:
                continue
            try:
                with parent_of(fd, change.path) as (parent, name):
                    status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            except OSError:  # gone since
                continue
            if not stat.S_ISDIR(status.st_mode):
                seen[(status.st_dev, status.st_ino)] = status.st_size
    return sum(seen.values())


def _differ(tree: Path, below: Path | None) -> Callable[[Callable[[bytes], None]], None]:
    def work(emit: Callable[[bytes], None]) -> None:
        writer = TarWriter(emit)
        with opened(open_root(tree)) as fd:
            for change in _changes(tree, below):
                head, _, name = change.path.rpartition("/")
                if change.kind is ChangeKind.DELETED:
                    writer.add(Entry(f"{head}/.wh.{name}".lstrip("/"), mode=0o600))
                    continue
                try:
                    with parent_of(fd, change.path) as (parent, last):
                        writer.add_path(parent, last, change.path.lstrip("/"))
                except FileNotFoundError:
                    continue
        writer.finish()

    return work
