"""How Docker compares names with filter values, and reads truth values."""

from __future__ import annotations

import re

from pogu.errors import InvalidArgument

_LONGEST = 256  # characters of a pattern: names are short, and a pattern must not take the loop's time
_TRUE = ("1", "t", "true", "True", "TRUE", "T")
_FALSE = ("0", "f", "false", "False", "FALSE", "F")


def matches_name(name: str, value: str) -> bool:
    """Tell whether `value` is in `name`, as text or as a regular expression."""
    if value in name:
        return True
    if len(value) > _LONGEST or _is_risky(value):
        return False
    try:
        return re.search(value, name) is not None
    except re.error:
        return False


def _is_risky(pattern: str) -> bool:
    """Tell whether a pattern could take exponential time: Python's engine backtracks, Go's does not."""
    return len(re.findall(r"[*+{]", pattern)) > 3 or re.search(r"\)[*+{]", pattern) is not None


def boolean(value: str, key: str) -> bool:
    """Return a truth value. Raises InvalidArgument."""
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise InvalidArgument(f"invalid filter '{key}={value}'")
