"""The installed service, for all tests in the virtual machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.vm.service import Service


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """The service with the `busybox` image; the request that makes the image is what starts it."""
    running = Service()
    try:
        running.install()
        assert running.property("ActiveState") == "inactive"
        running.pogu("image", "bootstrap", "busybox")
        yield running
    finally:
        running.remove()
