"""Fixtures of the tests of kernel access."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.private_network import private_network


@pytest.fixture
def own_network() -> Iterator[None]:
    """Run the test in a network namespace of its own."""
    with private_network():
        yield
