"""What kind of file system a descriptor stands on: fstatfs(2)."""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)

# linux/magic.h
_KERNEL_INTERFACES = frozenset(
    {
        0x9FA0,  # proc
        0x62656572,  # sysfs
        0x27E0EB,  # cgroup
        0x63677270,  # cgroup2
        0x64626720,  # debugfs
        0x74726163,  # tracefs
        0x73636673,  # securityfs
        0xF97CFF8C,  # selinuxfs
        0xCAFE4A11,  # bpf
        0x6165676C,  # pstore
        0x62656570,  # configfs
        0x65735543,  # fusectl
        0xDE5E81E4,  # efivarfs
        0x42494E4D,  # binfmt_misc
        0x19800202,  # mqueue
        0x1CD1,  # devpts
    }
)


class _StatFs(ctypes.Structure):
    """`struct statfs` of 64-bit Linux; only the first field is read, the rest is room for the others."""

    _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_long * 31))


def is_kernel_interface(fd: int) -> bool:
    """Say whether a descriptor's file system is an interface of the kernel (/proc, /sys …) rather than stored data.

    Reading a file there can do something: reading /sys/class/zram-control/hot_add makes a device.

    Raises:
        OSError: as fstatfs(2); O_PATH descriptors are allowed.
    """
    found = _StatFs()
    if _libc.fstatfs(ctypes.c_int(fd), ctypes.byref(found)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return (found.f_type & 0xFFFFFFFF) in _KERNEL_INTERFACES
