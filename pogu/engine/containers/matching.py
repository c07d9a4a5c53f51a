"""How Docker compares filter values: names by regular expression, labels by key or key and value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

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


def matches_labels(labels: Mapping[str, str], values: Sequence[str]) -> bool:
    """Tell whether all of `k` and `k=v` hold."""
    return all(_has(labels, v) for v in values)


def _has(labels: Mapping[str, str], term: str) -> bool:
    key, equals, value = term.partition("=")
    return key in labels and (not equals or labels[key] == value)


def boolean(value: str, key: str) -> bool:
    """Return a truth value. Raises InvalidArgument."""
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise InvalidArgument(f"invalid filter '{key}={value}'")
