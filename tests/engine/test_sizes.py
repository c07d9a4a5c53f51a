"""Sizes in words."""

from __future__ import annotations

import pytest

from pogu.engine.sizes import parse_size
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("text", "size"), [("512", 512), ("1k", 1024), ("1.5 GiB", 3 << 29), ("10MB", 10 << 20), ("0", 0)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "k", "-1", "1 2", "1x", "9" * 400, "8388608t"])
def test_nonsense_and_sizes_beyond_any_disk_are_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="invalid size"):
        parse_size(text)
