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


class Notifier:
    """Tells systemd how the service is. Made once: what systemd put into the environment is taken out of it, because
    the OCI runtimes take the same variables for a wish of the container's.
    """

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        pid = os.environ.pop("WATCHDOG_PID", "")
        limit = int(os.environ.pop("WATCHDOG_USEC", "") or 0)
        self.watchdog_seconds = limit / 2e6 if limit and pid in {"", str(os.getpid())} else None
        """How often systemd wants to hear `WATCHDOG=1` (half its limit), None if it does not."""

    def notify(self, *lines: str) -> bool:
        """Send assignments such as `READY=1`; False where nobody asked for them."""
        if not self._address:
            return False
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address  # abstract namespace
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
            try:
                s.sendto("\n".join(lines).encode(), address)
            except OSError:
                return False
        return True
