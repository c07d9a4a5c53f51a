"""The daemon inside the virtual machine, where only the pogu command exists."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running import RunningDaemon


@pytest.fixture(scope="session")
def vm_daemon() -> Iterator[RunningDaemon]:
    running = RunningDaemon()
    try:
        running.start()
        running.pogu("image", "bootstrap", "busybox", timeout=300)
        yield running
    finally:
        running.close()
