"""Layers as overlayfs lower directories, a container's writable layer as the upper one.

mount(2) takes one page of options, so lower directories are named relative to the directory of layers. The working
directory belongs to a process as a whole; the threads that mount have their own (unshare(2), CLONE_FS).
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pogu.engine.archive import ExtractOptions, Readable, TarWriter, Whiteouts, extract, produce_in_thread
from pogu.engine.storage import compare
from pogu.engine.storage.driver import Change
from pogu.engine.storage.layered import LayeredDriver, like_root
from pogu.engine.storage.lower import LowerLayers, MergedDirectory
from pogu.engine.storage.mountpoints import is_mountpoint, remove_mountpoints
from pogu.errors import PoguError, Unsupported
from pogu.linux.mounts import MNT_DETACH, OPTION_BYTES, is_mounted, mount, mounted, unmount
from pogu.linux.paths import open_root, opened
from pogu.linux.trees import walk

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_FS = 0x200
# Each off by name, whatever the kernel's defaults are: with them the upper directory alone would not tell all changes,
# and marks inside an image could lead lookups elsewhere.
_OPTIONS = "index=off,metacopy=off,redirect_dir=nofollow"
_MOUNTERS = 2  # threads
_UNMOUNTERS = 4  # threads of their own: an unmount syncs the disk (overlayfs, "Volatile mount"), a start must not wait


class OverlayDriver(LayeredDriver):
    """The `overlay` driver; Docker's name for the same on-disk idea is `overlay2`."""

    name = "overlay2"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._lower_texts: dict[str, str] = {}  # by chain ID
        self._mounters = ThreadPoolExecutor(_MOUNTERS, "overlay-mount", initializer=self._enter)
        self._unmounters = ThreadPoolExecutor(_UNMOUNTERS, "overlay-unmount")

    async def stop(self) -> None:
        self._mounters.shutdown(wait=False)
        self._unmounters.shutdown(wait=False)
        await super().stop()

    def _enter(self) -> None:
        """Give this thread a working directory of its own: that of the layers."""
        if _libc.unshare(_CLONE_FS) != 0:
            raise OSError(ctypes.get_errno(), "unshare(CLONE_FS)")
        os.chdir(self.root / "layers")

    def _probe(self) -> None:
        (self.root / "empty").mkdir(mode=0o755, exist_ok=True)
        work = self._trash.new()
        try:
            for name in ("upper", "work", "merged"):
                (work / name).mkdir(parents=True)
            options = f"lowerdir={self.root}/empty,upperdir={work}/upper,workdir={work}/work,{_OPTIONS}"
            mount("overlay", work / "merged", "overlay", data=options)
            unmount(work / "merged", MNT_DETACH)
        except OSError as e:
            raise Unsupported(
                f"the file system of {self.root} cannot hold overlay mounts ({e.strerror}): "
                "choose another root directory, or the vfs storage driver"
            ) from e
        finally:
            self._trash.throw(work)

    # layers

    def _unpack(self, target: Path, parent: str | None, tar: Readable) -> int:
        below = self.stack(parent)
        target.mkdir(mode=0o700)
        lower = LowerLayers(MergedDirectory.of(below))
        options = ExtractOptions(whiteouts=Whiteouts.OVERLAY, root_metadata=True, lower=lower)
        with opened(open_root(target)) as fd:
            like_root(below[0] if below else None, fd)
            return extract(tar, fd, options)

    async def remove_layer(self, chain_id: str) -> None:
        self._lower_texts.pop(chain_id, None)
        await super().remove_layer(chain_id)

    async def layer_diff(self, chain_id: str) -> AsyncIterator[bytes]:
        self.layer(chain_id)
        self._pin(chain_id)
        try:
            async for chunk in produce_in_thread(_packer(self.path_of(chain_id) / "fs"), "layer-diff"):
                yield chunk
        finally:
            self._unpin(chain_id)

    # containers

    def check_limit(self, size_limit: int) -> None:
        raise Unsupported("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")

    def _prepare(self, directory: Path, chain_id: str | None) -> None:
        upper = directory / "upper"
        upper.mkdir(mode=0o700)
        (directory / "work").mkdir(mode=0o700)
        with opened(open_root(upper)) as fd:
            like_root(self.path_of(chain_id) / "fs" if chain_id is not None else None, fd)

    def _seal(self, directory: Path, target: Path) -> int:
        upper = directory / "upper"
        with opened(open_root(upper)) as fd:
            remove_mountpoints(fd)
            size = compare.usage(fd)
        upper.rename(target)
        return size

    async def mount(self, container_id: str, target: Path) -> None:
        options = self._mount_options(container_id)
        await _to_the_end(self._mounters, lambda: _mount(target.absolute(), options))

    def _mount_options(self, container_id: str) -> str:
        below = self.stack(self.parent_of(container_id))
        lower = ":".join(f"{fs.parent.name}/fs" for fs in below) or "../empty"
        own = f"../containers/{container_id}"
        options = f"lowerdir={lower},upperdir={own}/upper,workdir={own}/work,{_OPTIONS}"
        if len(options) > OPTION_BYTES:
            raise Unsupported(f"{len(below)} layers are more than one mount can have")
        return options

    async def unmount(self, container_id: str, target: Path) -> None:
        await _to_the_end(self._unmounters, lambda: unmount(target, MNT_DETACH))

    async def changes(self, container_id: str) -> list[Change]:
        below = self.stack(self.parent_of(container_id))
        return await asyncio.to_thread(self._changes, self._upper(container_id), below)

    @staticmethod
    def _changes(upper: Path, below: list[Path]) -> list[Change]:
        with opened(open_root(upper)) as fd:
            return compare.changes(fd, MergedDirectory.of(below) if below else None, complete=False)

    async def diff(self, container_id: str) -> AsyncIterator[bytes]:
        self.parent_of(container_id)
        async for chunk in produce_in_thread(_packer(self._upper(container_id), is_mountpoint), "diff"):
            yield chunk

    async def usage(self, container_id: str) -> int:
        self.parent_of(container_id)
        return await asyncio.to_thread(_usage, self._upper(container_id))

    def _upper(self, container_id: str) -> Path:
        return self.container_path(container_id) / "upper"

    def describe(self, container_id: str, target: Path | None = None) -> dict[str, str]:
        own = f"{self.root}/containers/{container_id}"  # text: paths are a quarter of what an inspection costs
        return {
            "ID": container_id,
            "LowerDir": self._lower_text(self.parent_of(container_id)),
            "MergedDir": str(target or f"{own}/merged"),
            "UpperDir": f"{own}/upper",
            "WorkDir": f"{own}/work",
        }

    def _lower_text(self, chain_id: str | None) -> str:
        """Return the lower directories as text; a layer's place and what it stands on never change."""
        if chain_id is None:
            return ""
        known = self._lower_texts.get(chain_id)
        if known is None:
            known = self._lower_texts[chain_id] = ":".join(map(str, self.stack(chain_id)))
        return known

    def describe_layer(self, chain_id: str) -> dict[str, str]:
        upper, *below = (str(path) for path in self.stack(chain_id))
        return {"UpperDir": upper} | ({"LowerDir": ":".join(below)} if below else {})

    def status(self) -> list[tuple[str, str]]:
        return [
            ("Backing Filesystem", backing_file_system(self.root)),
            ("Supports d_type", "true"),
            ("Using metacopy", "false"),
            ("Native Overlay Diff", "true"),
            ("userxattr", "false"),
        ]


async def _to_the_end(pool: ThreadPoolExecutor, work: Callable[[], object]) -> None:
    """Run a mount or unmount to its end, even if the caller is cancelled, so that what follows sees it done."""
    future = asyncio.get_running_loop().run_in_executor(pool, work)
    try:
        await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise
    except OSError as e:
        raise PoguError(f"cannot mount a container's file system: {e.strerror or e}") from e


def _mount(target: Path, options: str) -> None:
    if is_mounted(target):
        return
    try:
        mount("overlay", target, "overlay", data=options)
    except FileNotFoundError:
        target.mkdir(parents=True, exist_ok=True)
        mount("overlay", target, "overlay", data=options)
    _require_writable(target)


def _require_writable(target: Path) -> None:
    """Refuse what the kernel has mounted read-only because it could not make its working directory (ovl_get_workdir).

    Making another tells why; the threads that mount have the directory of the layers as theirs.
    """
    if os.statvfs(target).f_flag & os.ST_RDONLY:
        unmount(target, MNT_DETACH)
        probe = Path("../trash/probe")
        probe.mkdir(exist_ok=True)
        probe.rmdir()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _packer(
    directory: Path, skip: Callable[[str, os.stat_result], bool] = lambda _path, _status: False
) -> Callable[[Callable[[bytes], None]], None]:
    def work(emit: Callable[[bytes], None]) -> None:
        writer = TarWriter(emit, whiteouts=True)
        with opened(open_root(directory)) as fd:
            for found in walk(fd):
                if not skip(found.path, found.status):
                    writer.add_path(found.parent, found.name, found.path)
        writer.finish()

    return work


def _usage(upper: Path) -> int:
    with opened(open_root(upper)) as fd:
        return compare.usage(fd)


def backing_file_system(path: Path) -> str:
    """Return the type of the file system that holds `path`, under Docker's name for it."""
    best = max(
        (e for e in mounted() if path == Path(e.target) or Path(e.target) in path.parents),
        key=lambda e: (len(e.target), e.id),
        default=None,
    )
    kind = best.fstype if best is not None else "<unknown>"
    return "extfs" if kind in ("ext2", "ext3", "ext4") else kind
