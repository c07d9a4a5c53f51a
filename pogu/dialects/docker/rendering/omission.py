"""Which fields Docker leaves out when they are empty.

Go's `omitempty` marks them in the API's types; a client that decodes strictly sees the difference.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec


def plain(record: msgspec.Struct) -> dict[str, Any]:
    """Return a record as a dictionary under its encoded names."""
    value = msgspec.to_builtins(record)
    assert isinstance(value, dict)
    return value


def omit_empty(value: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Remove those of `names` that are empty (null, false, 0, "", [] or {}); return the same dictionary."""
    for name in names:
        if name in value and not value[name]:
            del value[name]
    return value


def omit_null(value: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Remove those of `names` that are null: pointers in Go, whose zero is a value."""
    for name in names:
        if name in value and value[name] is None:
            del value[name]
    return value


def omit_all_empty(value: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are not empty."""
    return {k: v for k, v in value.items() if v}
