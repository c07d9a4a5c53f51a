"""One open registry for all tests of a worker that need nothing special; each uses repositories of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.registry.client import Client, fresh
from tests.registry.serving import serving


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    with serving() as running:
        yield running


@pytest.fixture
def name() -> str:
    """A repository of the test's own."""
    return fresh()
