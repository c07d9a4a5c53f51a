"""Patterns for repository names in rules: `*` stands for any part between slashes, `**` for anything."""

from __future__ import annotations

import re
from functools import lru_cache

from pogu.errors import InvalidArgument

_ALLOWED = re.compile(r"[a-z0-9._/*-]+")


def check_pattern(text: str) -> str:
    """Return a pattern. Raises InvalidArgument for what cannot match any name."""
    if not _ALLOWED.fullmatch(text):
        raise InvalidArgument(f"invalid pattern for repositories: {text!r}")
    return text


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*)", pattern)
    expression = "".join({"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts)
    return re.compile(expression)


def matches(pattern: str, name: str) -> bool:
    """Whether a repository's (or tag's) name has the form of a pattern."""
    return _compiled(pattern).fullmatch(name) is not None
