"""Which start of the machine this is (proc_sys_kernel(5), random/boot_id)."""

from __future__ import annotations

from pathlib import Path


def boot_id() -> str:
    """Return a UUID that is another after every start of the kernel."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
