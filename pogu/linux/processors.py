"""What /proc says of the host's processors."""

from __future__ import annotations

import os
from pathlib import Path

_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")  # nanoseconds
_ACCOUNTED = 8  # user to steal; guest times are in user and nice already (proc(5))


def system_cpu_ns() -> int:
    """Return the nanoseconds that all processors together have spent since the boot, idle time included."""
    with Path("/proc/stat").open() as file:
        fields = file.readline().split()
    return sum(map(int, fields[1 : 1 + _ACCOUNTED])) * _TICK


def online_processors() -> int:
    """Return the number of processors that are online."""
    return os.sysconf("SC_NPROCESSORS_ONLN")
