"""Types and permissions as Go writes them (`io/fs`, FileMode), and as the kernel does (inode(7))."""

from __future__ import annotations

import stat

DIRECTORY = 1 << 31
SYMLINK = 1 << 27
DEVICE = 1 << 26
PIPE = 1 << 25
SOCKET = 1 << 24
SETUID = 1 << 23
SETGID = 1 << 22
CHARACTER = 1 << 21
STICKY = 1 << 20
IRREGULAR = 1 << 19
TYPE = DIRECTORY | SYMLINK | DEVICE | PIPE | SOCKET | CHARACTER | IRREGULAR
"""Bits that only things other than regular files have."""

_SPECIAL = ((SETUID, stat.S_ISUID), (SETGID, stat.S_ISGID), (STICKY, stat.S_ISVTX))
_TYPES = {
    stat.S_IFREG: 0,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFBLK: DEVICE,
    stat.S_IFCHR: DEVICE | CHARACTER,
    stat.S_IFIFO: PIPE,
    stat.S_IFSOCK: SOCKET,
}
_FORMATS = {bits: format_ for format_, bits in _TYPES.items()}


def kernel_mode(mode: int) -> int:
    """Return Go's mode as `st_mode`; 0 where it is of no type that the kernel has."""
    format_ = _FORMATS.get(mode & TYPE)
    if format_ is None:
        return 0
    permissions = mode & 0o777
    for go, kernel in _SPECIAL:
        if mode & go:
            permissions |= kernel
    return format_ | permissions


def go_mode(mode: int) -> int:
    """Return `st_mode` as Go's mode."""
    bits = _TYPES.get(stat.S_IFMT(mode), IRREGULAR) | mode & 0o777
    for go, kernel in _SPECIAL:
        if mode & kernel:
            bits |= go
    return bits
