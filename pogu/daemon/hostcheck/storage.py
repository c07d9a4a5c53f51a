"""Disk space, the overlay file system, and where the running state lives."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pogu.daemon.hostcheck.finding import Finding, found
from pogu.linux import mounts

_LEAST, _COMFORTABLE = 200 << 20, 2 << 30  # bytes
_LEAST_INODES = 20_000


def check(root: Path) -> Iterator[Finding]:
    """Yield what is found for a daemon that keeps its data in `root`."""
    place = next(p for p in (root, *root.parents) if p.exists())
    yield from _space(root, place)
    yield _overlay(place)
    yield from _run()


def _space(root: Path, place: Path) -> Iterator[Finding]:
    status = os.statvfs(place)
    free, inodes = status.f_bavail * status.f_frsize, status.f_favail
    text = f"{free / (1 << 30):.1f} GiB free for {root}"
    if free < _LEAST:
        yield Finding("disk", "missing", text, "Free some space, or give the daemon another --root.")
    elif free < _COMFORTABLE:
        yield Finding("disk", "warning", f"{text}: a few images fill that", "Free some space, or use another --root.")
    else:
        yield found("disk", text)
    if status.f_files and inodes < _LEAST_INODES:
        yield Finding("inodes", "warning", f"only {inodes} left for {root}: images have many files")


def _overlay(place: Path) -> Finding:
    """Mount an overlay where the data will be: some file systems (overlay itself, NFS) cannot carry one."""
    if os.geteuid() != 0:
        return Finding("overlay", "note", "only root can try whether it works")
    try:
        with tempfile.TemporaryDirectory(prefix=".pogu-check-", dir=place) as name:
            return _try_overlay(Path(name))
    except OSError as e:
        return Finding("overlay", "note", f"could not be tried in {place}: {e.strerror}")


def _try_overlay(folder: Path) -> Finding:
    for part in ("lower", "upper", "work", "merged"):
        (folder / part).mkdir()
    data = f"lowerdir={folder}/lower,upperdir={folder}/upper,workdir={folder}/work"
    try:
        mounts.mount("overlay", folder / "merged", "overlay", data=data)
    except OSError as e:
        return Finding(
            "overlay",
            "warning",
            f"does not work in {folder.parent} ({e.strerror or e}): every container copies its image whole",
            "modprobe overlay, or put --root on ext4, xfs or btrfs; else start with --storage-driver vfs.",
        )
    mounts.unmount(folder / "merged")
    return found("overlay", "works")


def _run() -> Iterator[Finding]:
    run = Path("/run")
    kinds = {entry.target: entry.fstype for entry in mounts.mounted()}
    if kinds.get(str(run)) not in {"tmpfs", "ramfs"}:
        yield Finding(
            "/run", "note", "is no tmpfs: what a crash of the machine leaves there is cleaned at the next start"
        )
