"""A host network for one test: its own interfaces, routes, firewall and sysctls, gone when the test ends."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from pogu.linux.rtnetlink import RouteSocket

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def private_network() -> Iterator[None]:
    """Move the calling thread (and the threads it starts meanwhile) to a new network namespace, and back at the end."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        assert _libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            with RouteSocket() as sock:
                sock.set_up(1)
            yield
        finally:
            assert _libc.setns(before, CLONE_NEWNET) == 0
    finally:
        os.close(before)
