"""`--filter`."""

from __future__ import annotations

import pytest

from pogu.cli.filters import parse_filters
from pogu.errors import InvalidArgument


def test_filters() -> None:
    assert parse_filters([]) is None
    assert parse_filters(["name=a", "Name=b", "label=x=y"]) == {"name": ["a", "b"], "label": ["x=y"]}
    with pytest.raises(InvalidArgument, match="bad format of filter"):
        parse_filters(["alone"])
