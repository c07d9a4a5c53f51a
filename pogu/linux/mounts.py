"""mount(2), umount2(2), syncfs(2), and what /proc says is mounted.

The calls go through ctypes, which releases the GIL: an unmount may wait for a disk.
"""

from __future__ import annotations

import ctypes
import errno
import os
from dataclasses import dataclass
from pathlib import Path

from pogu.linux.paths import RESOLVE_NO_XDEV, attribute_path, open_in_root, opened

_libc = ctypes.CDLL(None, use_errno=True)

# <sys/mount.h>
MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_SYNCHRONOUS = 16
MS_REMOUNT = 32
MS_MANDLOCK = 64
MS_DIRSYNC = 128
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_SILENT = 32768
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_STRICTATIME = 1 << 24
MS_LAZYTIME = 1 << 25
MNT_FORCE = 1
MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8
OPTION_BYTES = 4095  # mount(2) takes one page of options, with a NUL

_SYS_OPEN_TREE, _SYS_MOUNT_SETATTR = 428, 442  # the same on every architecture (linux/asm-generic/unistd.h)
_OPEN_TREE_CLONE = 1
_AT_EMPTY_PATH = 0x1000
_MOUNT_ATTR_RDONLY = 1

_FLAGS: dict[str, tuple[int, bool]] = {  # option of mount(8) -> flag, and whether it sets or clears it
    "defaults": (0, True),
    "ro": (MS_RDONLY, True),
    "rw": (MS_RDONLY, False),
    "nosuid": (MS_NOSUID, True),
    "suid": (MS_NOSUID, False),
    "nodev": (MS_NODEV, True),
    "dev": (MS_NODEV, False),
    "noexec": (MS_NOEXEC, True),
    "exec": (MS_NOEXEC, False),
    "sync": (MS_SYNCHRONOUS, True),
    "async": (MS_SYNCHRONOUS, False),
    "dirsync": (MS_DIRSYNC, True),
    "remount": (MS_REMOUNT, True),
    "mand": (MS_MANDLOCK, True),
    "nomand": (MS_MANDLOCK, False),
    "noatime": (MS_NOATIME, True),
    "atime": (MS_NOATIME, False),
    "nodiratime": (MS_NODIRATIME, True),
    "diratime": (MS_NODIRATIME, False),
    "bind": (MS_BIND, True),
    "rbind": (MS_BIND | MS_REC, True),
    "relatime": (MS_RELATIME, True),
    "norelatime": (MS_RELATIME, False),
    "strictatime": (MS_STRICTATIME, True),
    "nostrictatime": (MS_STRICTATIME, False),
    "lazytime": (MS_LAZYTIME, True),
    "silent": (MS_SILENT, True),
}
PROPAGATION: dict[str, int] = {
    "private": MS_PRIVATE,
    "rprivate": MS_PRIVATE | MS_REC,
    "shared": MS_SHARED,
    "rshared": MS_SHARED | MS_REC,
    "slave": MS_SLAVE,
    "rslave": MS_SLAVE | MS_REC,
    "unbindable": MS_UNBINDABLE,
    "runbindable": MS_UNBINDABLE | MS_REC,
}


@dataclass(frozen=True, slots=True)
class MountEntry:
    """One line of /proc/PID/mountinfo (proc(5)). `propagation` holds tags like `shared:1`."""

    id: int
    parent: int
    device: str
    root: str
    target: str
    options: str
    propagation: tuple[str, ...]
    fstype: str
    source: str
    super_options: str


@dataclass(frozen=True, slots=True)
class MountOptions:
    """The `-o` text of mount(8), taken apart: `flags` for mount(2), `propagation` flags for a second call, the rest."""

    flags: int
    propagation: int
    data: str


def mount(source: str, target: str | Path, fstype: str = "", flags: int = 0, data: str = "") -> None:
    """Call mount(2). Raises OSError, with the target as its file name; E2BIG when `data` is longer than a page."""
    if len(os.fsencode(data)) > OPTION_BYTES:
        raise OSError(errno.E2BIG, "mount options are longer than a page", str(target))
    code = _libc.mount(
        os.fsencode(source), os.fsencode(target), os.fsencode(fstype), ctypes.c_ulong(flags), os.fsencode(data)
    )
    if code != 0:
        _fail(str(target))


def bind(source: str | Path, target: str | Path, *, recursive: bool = False, read_only: bool = False) -> None:
    """Bind-mount `source` on `target`. Raises OSError; a read-only bind that fails half-way is undone."""
    mount(str(source), target, flags=MS_BIND | (MS_REC if recursive else 0))
    if not read_only:
        return
    try:  # the flags of a bind mount can be set only by a second call (mount(2), "Creating a bind mount")
        mount("", target, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)
    except OSError:
        unmount(target, MNT_DETACH)
        raise


def mount_with(source: str, target: str | Path, fstype: str, options: str) -> None:
    """Mount as `mount -t FSTYPE -o OPTIONS SOURCE TARGET` would, with the further calls that some options need.

    Raises:
        OSError: nothing stays mounted.
    """
    parsed = parse_options(options)
    mount(source, target, fstype, parsed.flags, parsed.data)
    try:
        if parsed.flags & MS_BIND and parsed.flags & ~(MS_BIND | MS_REC):
            mount("", target, flags=parsed.flags | MS_REMOUNT)
        if parsed.propagation:
            set_propagation(target, parsed.propagation)
    except OSError:
        unmount(target, MNT_DETACH)
        raise


def read_only_clone(path: str | Path) -> int:
    """Return a descriptor of a read-only mount of `path` that has no place in any tree; it ends with its last user.

    Raises:
        OSError: no such path, or ENOSYS before Linux 5.12 (open_tree(2), mount_setattr(2)).
    """
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC
    fd: int = _libc.syscall(ctypes.c_long(_SYS_OPEN_TREE), ctypes.c_int(-100), os.fsencode(path), ctypes.c_uint(flags))
    if fd < 0:
        _fail(str(path))
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY)  # struct mount_attr: set, clear, propagation, userns_fd
    code = _libc.syscall(
        ctypes.c_long(_SYS_MOUNT_SETATTR),
        ctypes.c_int(fd),
        b"",
        ctypes.c_uint(_AT_EMPTY_PATH),
        attributes,
        ctypes.c_size_t(ctypes.sizeof(attributes)),
    )
    if code != 0:
        number = ctypes.get_errno()
        os.close(fd)
        raise OSError(number, os.strerror(number), str(path))
    return fd


def set_propagation(target: str | Path, flags: int) -> None:
    """Set the propagation type: a value of `PROPAGATION`. Raises OSError."""
    mount("", target, flags=flags)


def unmount(target: str | Path, flags: int = 0) -> bool:
    """Call umount2(2) without following a symlink; False if nothing was mounted there.

    Raises:
        OSError: EBUSY (in use and no MNT_DETACH), EPERM.
    """
    if _libc.umount2(os.fsencode(target), flags | UMOUNT_NOFOLLOW) == 0:
        return True
    if ctypes.get_errno() in (errno.EINVAL, errno.ENOENT):
        return False
    _fail(str(target))
    return False


def detach(fd: int) -> None:
    """Unmount the mount whose root `fd` is, wherever that is now, as soon as nobody uses it. Raises OSError."""
    if _libc.umount2(os.fsencode(attribute_path(fd)), MNT_DETACH) != 0:
        _fail(f"descriptor {fd}")


def syncfs(fd: int) -> None:
    """Write the file system that holds `fd` to its disk, data and all. Raises OSError."""
    if _libc.syncfs(fd) != 0:
        _fail("")


def parse_options(text: str) -> MountOptions:
    """Take a comma-separated option list of mount(8) apart; what mount(2) has no flag for becomes `data`."""
    flags = propagation = 0
    rest: list[str] = []
    for option in filter(None, text.split(",")):
        if option in _FLAGS:
            flag, sets = _FLAGS[option]
            flags = flags | flag if sets else flags & ~flag
        elif option in PROPAGATION:
            propagation |= PROPAGATION[option]
        else:
            rest.append(option)
    return MountOptions(flags, propagation, ",".join(rest))


def mounted(pid: int | None = None) -> list[MountEntry]:
    """Return what is mounted in our mount namespace, or in that of `pid`, in the kernel's order."""
    text = Path(f"/proc/{pid or 'self'}/mountinfo").read_bytes()
    return [parse_mountinfo(os.fsdecode(line)) for line in text.splitlines()]


def parse_mountinfo(line: str) -> MountEntry:
    """Parse one line of mountinfo; \\ooo escapes of blanks and backslashes are undone."""
    left, _, right = line.partition(" - ")
    number, parent, device, root, target, options, *tags = left.split(" ")
    fstype, source, super_options = (*right.split(" "), "", "")[:3]
    return MountEntry(
        int(number),
        int(parent),
        device,
        _unescape(root),
        _unescape(target),
        options,
        tuple(tags),
        fstype,
        _unescape(source),
        super_options,
    )


def is_mounted(target: str | Path) -> bool:
    """Say whether something is mounted exactly on `target`, bind mounts too; False if it does not exist.

    The kernel is asked to walk there without crossing a mount point, which is much cheaper than reading mountinfo.
    """
    parent, name = os.path.split(os.path.realpath(target))
    try:
        with opened(os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)) as fd:
            os.close(open_in_root(fd, name, os.O_PATH | os.O_NOFOLLOW, resolve=RESOLVE_NO_XDEV))
    except OSError as e:
        return e.errno == errno.EXDEV
    return False


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    first, *rest = text.split("\\")
    return first + "".join(chr(int(part[:3], 8)) + part[3:] for part in rest)


def _fail(target: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), target or None)
