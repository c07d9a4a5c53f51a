"""Shared memory that containers can share: a tmpfs of the donor's on the host, bound into all that join its IPC."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from pogu.engine.containers.lifecycle.sharing import ipc_donor
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.model import MountPoint
from pogu.linux import mounts

TARGET = "/dev/shm"  # noqa: S108 # the container's


async def shm_mount(rooms: Rooms, entry: Entry) -> MountPoint | None:
    """Return the /dev/shm of a container whose IPC namespace is or may be shared; None where it has its own tmpfs."""
    record = entry.record
    if any(p.destination == TARGET for p in record.mounts):
        return None
    donor = ipc_donor(rooms, entry)
    if donor is not None and donor.record.host_config.ipc_mode == "host":
        source = Path(TARGET)
    elif donor is not None:
        source = _directory(rooms, donor)
    elif record.host_config.ipc_mode == "shareable":
        source = _directory(rooms, entry)
        await asyncio.to_thread(_make, source, record.host_config.shm_size or rooms.config.default_shm_size)
    else:
        return None
    return MountPoint(type="bind", destination=TARGET, source=str(source), propagation="rprivate")


async def unmount_shm(rooms: Rooms, entry: Entry) -> None:
    """Remove the container's own shared memory; those that still use it keep it. Idempotent."""
    if entry.record.host_config.ipc_mode == "shareable":
        await asyncio.to_thread(_remove, _directory(rooms, entry))


def _directory(rooms: Rooms, entry: Entry) -> Path:
    return rooms.config.run / "shm" / entry.id


def _make(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # not for the host's other users
    path.mkdir(exist_ok=True)
    if not mounts.is_mounted(path):
        flags = mounts.MS_NOSUID | mounts.MS_NODEV | mounts.MS_NOEXEC
        mounts.mount("shm", path, "tmpfs", flags, f"mode=1777,size={size}")


def _remove(path: Path) -> None:
    mounts.unmount(path, mounts.MNT_DETACH)
    shutil.rmtree(path, ignore_errors=True)
