"""Sizes as people write them (docker/go-units). It imports little, because the command may read Dockerfiles, too."""

from __future__ import annotations

import re

from pogu.errors import InvalidArgument

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_LIMIT = 2**63


def parse_size(text: str) -> int:
    """Return bytes of `512`, `10m`, `1.5 GiB`; units are powers of 1024. Raises InvalidArgument."""
    match = _SIZE.fullmatch(text.strip())
    size = float(match[1]) * 1024 ** " kmgtp".index(match[2].lower() or " ") if match is not None else _LIMIT
    if size >= _LIMIT:
        raise InvalidArgument(f"invalid size: '{text}'")
    return int(size)
