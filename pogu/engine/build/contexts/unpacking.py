"""A context unpacked: in memory while it is small, as making files on a disk costs most of a small build."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from pogu.engine.archive import ExtractOptions, Extractor, Readable, TarReader
from pogu.engine.archive.clone import TreeCopier
from pogu.linux.mounts import MNT_DETACH, mount, mounted, unmount
from pogu.linux.paths import open_root, opened

_MOST = 256 << 20  # bytes in memory
_SHARE = 8  # of the memory that is free: the part that one context may take
_FILE = 4096  # bytes that a file takes besides its content
_MEMORY = "memory"
_OPTIONS = ExtractOptions(root_metadata=True)


def memory_beside(directory: Path) -> Path | None:
    """Return a directory in memory, mounted below `directory` until `clear_memory`; None where that cannot be."""
    target = directory / _MEMORY
    target.mkdir(mode=0o700)
    most = _room() + (16 << 20)
    try:
        mount("tmpfs", target, "tmpfs", data=f"size={most},nr_inodes=0,mode=0755")
    except OSError:
        return None
    return target


def clear_memory(directory: Path) -> None:
    """Unmount what is in memory below a directory."""
    unmount(directory / _MEMORY, MNT_DETACH)


def clear_all_memory(spool: Path) -> None:
    """Do so for all directories that a daemon which was killed has left."""
    inside = f"{spool}/"
    for entry in mounted():
        if entry.target.startswith(inside):
            unmount(entry.target, MNT_DETACH)


def unpack(tar: Readable, memory: Path | None, disk: Path) -> Path:
    """Unpack an uncompressed archive in memory, or on the disk once it is too large; return where it is. Blocks.

    Raises:
        InvalidArgument: not a tar archive, or an entry that cannot be made.
    """
    disk.mkdir(mode=0o755)
    reader = TarReader(tar)
    room = _room() if memory is not None else 0
    where = memory or disk
    with ExitStack() as stack:
        fd = stack.enter_context(opened(open_root(where)))
        extractor = stack.enter_context(Extractor(fd, _OPTIONS))
        for entry in reader:
            room -= entry.size + _FILE
            if where is memory and room < 0:
                extractor, where = stack.enter_context(_moved(extractor, fd, disk)), disk
            extractor.add(entry, reader)
        extractor.finish()
    reader.drain()
    return where


def _moved(extractor: Extractor, source: int, disk: Path) -> Extractor:
    """Return what goes on on the disk, where all that is in memory so far is now too."""
    extractor.finish()
    with opened(open_root(disk)) as target:
        TreeCopier(source, target).copy()
        further = Extractor(target, _OPTIONS)
    further.continue_from(extractor)
    return further


def _room() -> int:
    """Return the bytes that a context may take in memory."""
    pages = os.sysconf("SC_AVPHYS_PAGES")
    return min(_MOST, pages * os.sysconf("SC_PAGE_SIZE") // _SHARE)
