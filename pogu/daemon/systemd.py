"""The two protocols between systemd and a service: readiness and socket activation (sd_notify(3), sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket

_FIRST = 3  # SD_LISTEN_FDS_START


def inherited_sockets() -> list[tuple[str, int]]:
    """Return (name, descriptor) of each socket systemd passed to this process, and hide them from its children."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    count = int(os.environ.get("LISTEN_FDS") or 0)
    names = (os.environ.get("LISTEN_FDNAMES") or "").split(":")
    for variable in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(variable, None)
    found = []
    for i in range(count):
        os.set_inheritable(_FIRST + i, False)
        found.append((names[i] if i < len(names) else "", _FIRST + i))
    return found


def notify(*lines: str) -> bool:
    """Send assignments such as `READY=1` to systemd; False where nobody asked for them."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):  # abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
        try:
            s.sendto("\n".join(lines).encode(), address)
        except OSError:
            return False
    return True


def watchdog_seconds() -> float | None:
    """Return how often systemd wants to hear `WATCHDOG=1` (half its limit), None if it does not."""
    pid = os.environ.get("WATCHDOG_PID")
    if pid and pid != str(os.getpid()):
        return None
    limit = int(os.environ.get("WATCHDOG_USEC") or 0)
    return limit / 2e6 if limit else None
