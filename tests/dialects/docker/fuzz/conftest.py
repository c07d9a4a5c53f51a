"""One enclosed daemon for all made-up requests of a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dialects.docker.fuzz.ground import Ground


@pytest.fixture(scope="package")
def shared_ground() -> Iterator[Ground]:
    ground = Ground()
    try:
        ground.open()
        yield ground
    finally:
        ground.close()


@pytest.fixture
def ground(shared_ground: Ground) -> Iterator[Ground]:
    """The daemon, in order before a test and well after it."""
    shared_ground.furnish()
    shared_ground.counts.clear()
    yield shared_ground
    shared_ground.check_health()
