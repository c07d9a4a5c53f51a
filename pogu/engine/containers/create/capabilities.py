"""Names of capabilities, as `--cap-add` and `--cap-drop` take them."""

from __future__ import annotations

from collections.abc import Sequence

from pogu.engine.model import HostConfig
from pogu.errors import InvalidArgument

KNOWN = frozenset(
    f"CAP_{name}"
    for name in (
        "AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH "
        "FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN "
        "NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYS_ADMIN SYS_BOOT SYS_CHROOT "
        "SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM"
    ).split()
)


def check_capabilities(host: HostConfig) -> None:
    """Write CapAdd and CapDrop in their full form (`CAP_NET_ADMIN`, `ALL`); raise InvalidArgument for unknown names."""
    host.cap_add = _normalised(host.cap_add, "CapAdd")
    host.cap_drop = _normalised(host.cap_drop, "CapDrop")


def _normalised(names: Sequence[str] | None, field: str) -> list[str] | None:
    if names is None:
        return None
    found = []
    for name in names:
        full = name.upper()
        if full != "ALL":
            full = full if full.startswith("CAP_") else f"CAP_{full}"
            if full not in KNOWN:
                raise InvalidArgument(f'invalid {field}: unknown capability: "{name}"')
        found.append(full)
    return found
