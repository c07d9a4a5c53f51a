"""The mounts of a container: the system's, which every container has, and the user's over them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pogu.engine.model import HostConfig, MountPoint
from pogu.errors import InvalidArgument
from pogu.linux import mounts

Json = dict[str, Any]

# What `--tmpfs` takes: flags of mount(8) and these options of tmpfs(5). Not `bind` and `remount`, which would make
# something else of it.
_TMPFS_FLAGS = frozenset(
    "async atime defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime noexec "
    "noiversion nolazytime nomand norelatime nostrictatime nosuid private relatime ro rprivate rshared "
    "rslave runbindable rw shared silent slave strictatime suid sync unbindable".split()
)
_TMPFS_VALUES = frozenset("gid huge mode mpol nr_blocks nr_inodes size uid".split())
_OPPOSITES = {
    "rw": "ro",
    "exec": "noexec",
    "suid": "nosuid",
    "dev": "nodev",
    "async": "sync",
    "atime": "noatime",
    "diratime": "nodiratime",
    "relatime": "norelatime",
    "strictatime": "nostrictatime",
    "mand": "nomand",
}
_PROPAGATION = ("private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable")
_SHM, _MQUEUE = "/dev/shm", "/dev/mqueue"  # noqa: S108 # the container's own
_STAY_WRITABLE = frozenset(["/proc", "/dev", "/dev/pts", _SHM, _MQUEUE])


def system_mounts(shm_size: int) -> list[Json]:
    """Return Docker's default mounts, in the order in which they are made. `shm_size` is in bytes."""
    return [
        _mount("/proc", "proc", "nosuid noexec nodev"),
        _mount("/dev", "tmpfs", "nosuid strictatime mode=755 size=65536k"),
        _mount("/dev/pts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5"),
        _mount("/sys", "sysfs", "nosuid noexec nodev ro"),
        _mount("/sys/fs/cgroup", "cgroup", "ro nosuid noexec nodev"),
        _mount(_MQUEUE, "mqueue", "nosuid noexec nodev"),
        {**_mount(_SHM, "tmpfs", f"nosuid noexec nodev mode=1777 size={shm_size}"), "source": "shm"},
    ]


def oci_mounts(
    wanted: HostConfig,
    points: Sequence[MountPoint],
    *,
    shm_size: int,
    privileged: bool,
    writable_cgroups: bool,
    kernel: tuple[int, int],
) -> list[Json]:
    """Return all mounts: the system's where the user has none in their place, then the user's, parents first.

    Raises InvalidArgument for a tmpfs option that does not exist, or a propagation that the source does not have.
    """
    for point in points:
        check_propagation(point)
    users = [user_mount(p, kernel) for p in points] + [
        tmpfs_mount(path, text) for path, text in (wanted.tmpfs or {}).items()
    ]
    users += _shared_ipc(wanted, {m["destination"] for m in users})
    users.sort(key=lambda m: m["destination"].rstrip("/").count("/"))  # stable: the order given decides among equals
    taken = {m["destination"] for m in users}
    system = [m for m in system_mounts(shm_size) if not _replaced(m["destination"], taken, wanted)]
    for mount in system:
        if privileged and mount["destination"] == "/sys":
            mount["options"].remove("ro")
        if writable_cgroups and mount["type"] == "cgroup":
            mount["options"].remove("ro")
        if wanted.readonly_rootfs and mount["destination"] not in _STAY_WRITABLE and "ro" not in mount["options"]:
            mount["options"].append("ro")
    return system + users


def user_mount(point: MountPoint, kernel: tuple[int, int] = (6, 1)) -> Json:
    """Return the OCI form of a bind, volume, image or tmpfs mount. Its `source` is a path of the host.

    Read-only holds for the mounts below it too, where the kernel can do that (mount_setattr(2), 5.12).
    """
    if point.type == "tmpfs":
        return tmpfs_mount(point.destination, _tmpfs_text(point))
    recursive = not point.options.get("NonRecursive")
    options = ["rbind" if recursive else "bind"]
    if not point.rw:
        deep = recursive and kernel >= (5, 12) and not point.options.get("ReadOnlyNonRecursive")
        deep = deep and Path(point.source).is_dir()  # crun opens the target of such a mount as a directory
        options.append("rro" if deep else "ro")
    options.append(point.propagation or "rprivate")
    return {"destination": point.destination, "type": "bind", "source": point.source, "options": options}


def check_propagation(point: MountPoint) -> None:
    """Raise InvalidArgument, in Docker's words, when a source cannot pass mounts on as `shared` and `slave` want."""
    kind = (point.propagation or "").removeprefix("r")
    if point.type == "tmpfs" or kind not in ("shared", "slave"):
        return
    source = os.path.realpath(point.source)
    holder = max(
        (m for m in mounts.mounted() if source == m.target or source.startswith(m.target.rstrip("/") + "/")),
        key=lambda m: len(m.target),
    )
    tags = {tag.partition(":")[0] for tag in holder.propagation}
    if "shared" not in tags and (kind == "shared" or "master" not in tags):
        what = "shared mount" if kind == "shared" else "shared or slave mount"
        raise InvalidArgument(f"path {point.source} is mounted on {holder.target} but it is not a {what}")


def rootfs_propagation(points: Iterable[MountPoint]) -> str:
    """Return what the root must be for its mounts to pass events on: `rshared`, `rslave` or "" for the default."""
    kinds = {(p.propagation or "").removeprefix("r") for p in points}
    return "rshared" if "shared" in kinds else "rslave" if "slave" in kinds else ""


def tmpfs_mount(destination: str, text: str) -> Json:
    """Return a tmpfs with Docker's defaults (noexec, nosuid, nodev) under the options in `text` (`rw,size=64k,exec`).

    Raises InvalidArgument for an option that tmpfs does not have.
    """
    options = ["noexec", "nosuid", "nodev", "rprivate"]
    for option in (o.strip() for o in text.split(",")):
        if not option:
            continue
        key, separator, _ = option.partition("=")
        if option not in _TMPFS_FLAGS and not (separator and key in _TMPFS_VALUES):
            raise InvalidArgument(f'invalid tmpfs option ["{option}"]')
        options = [o for o in options if not _contradicts(o, option)]
        if option != "defaults":
            options.append(option)
    return {"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": options}


def _mount(destination: str, kind: str, options: str) -> Json:
    return {"destination": destination, "type": kind, "source": kind, "options": options.split()}


def _contradicts(old: str, new: str) -> bool:
    """Say whether a later option replaces an earlier one."""
    if "=" in new:
        return old.partition("=")[0] == new.partition("=")[0] and "=" in old
    if new in _PROPAGATION:
        return old in _PROPAGATION
    return old == new or _OPPOSITES.get(new) == old or _OPPOSITES.get(old) == new


def _replaced(destination: str, taken: set[str], wanted: HostConfig) -> bool:
    if destination in taken or (destination.startswith("/dev/") and "/dev" in taken):
        return True
    return destination == _SHM and wanted.ipc_mode == "none"


def _shared_ipc(wanted: HostConfig, taken: set[str]) -> list[Json]:
    """The host's shared memory and message queues for `--ipc host`, unless the user has mounts in their place."""
    if wanted.ipc_mode != "host":
        return []
    return [
        {"destination": p, "type": "bind", "source": p, "options": ["rbind", "rprivate"]}
        for p in (_SHM, _MQUEUE)
        if p not in taken and Path(p).is_dir()
    ]


def _tmpfs_text(point: MountPoint) -> str:
    """Turn the TmpfsOptions of a mount into mount(8)'s text. `Options` is a list of [key] or [key, value]."""
    options = ["ro"] if not point.rw else []
    if size := point.options.get("SizeBytes"):
        options.append(f"size={size}")
    if mode := point.options.get("Mode"):
        options.append(f"mode={mode:o}")
    options += ["=".join(o) for o in point.options.get("Options") or []]
    return ",".join(options)
