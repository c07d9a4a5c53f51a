"""A daemon to attack, for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.security.ground import Target


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    target = Target()
    try:
        target.open()
        yield target
    finally:
        target.close()
