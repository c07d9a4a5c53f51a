"""Capabilities: the ones containers get, and how requests change them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pogu.errors import InvalidArgument

# By number (include/uapi/linux/capability.h).
NAMES: tuple[str, ...] = tuple(
    f"CAP_{name}"
    for name in (
        "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
        "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT "
        "SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL "
        "SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
    ).split()
)

# What a container has unless it asks for more or less (Docker's list of 14).
DEFAULT: tuple[str, ...] = tuple(
    f"CAP_{name}"
    for name in (
        "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT "
        "KILL AUDIT_WRITE"
    ).split()
)


def normalize(names: Iterable[str] | None) -> list[str]:
    """Return capability names in their full form (`net_admin` is `CAP_NET_ADMIN`); `ALL` stays.

    Raises InvalidArgument for a name that Linux does not have.
    """
    found = []
    for name in names or ():
        full = name.strip().upper()
        if full != "ALL" and not full.startswith("CAP_"):
            full = f"CAP_{full}"
        if full != "ALL" and full not in NAMES:
            raise InvalidArgument(f'unknown capability: "{name}"')
        found.append(full)
    return found


def effective(
    add: Sequence[str] | None, drop: Sequence[str] | None, *, privileged: bool, available: frozenset[str]
) -> list[str]:
    """Return what a container gets, in the kernel's order.

    `available` is what the daemon has itself: more cannot be given. A default that is not available is left out; one
    asked for by name is an error.

    Raises InvalidArgument.
    """
    if privileged:
        return _ordered(available)
    added, dropped = normalize(add), normalize(drop)
    for name in added:
        if name != "ALL" and name not in available:
            raise InvalidArgument(
                f'capability not supported by your kernel or not available in the current environment: "{name}"'
            )
    if "ALL" in added:
        return _ordered(available - set(dropped))
    if "ALL" in dropped:
        return _ordered(added)
    return _ordered(((set(DEFAULT) & available) - set(dropped)) | set(added))


def from_mask(mask: int) -> frozenset[str]:
    """Return the names of a capability mask as /proc/PID/status shows them in hexadecimal."""
    return frozenset(name for number, name in enumerate(NAMES) if mask >> number & 1)


def _ordered(names: Iterable[str]) -> list[str]:
    wanted = set(names)
    return [name for name in NAMES if name in wanted]
