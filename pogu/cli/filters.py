"""`--filter key=value` options as the API takes them."""

from __future__ import annotations

from collections.abc import Iterable

from pogu.cli.wrong import WrongValue


def parse_filters(given: Iterable[str], flag: str = "-f, --filter") -> dict[str, list[str]] | None:
    """Return the `filters` of a query, None where there are none. Raises WrongValue in docker's words."""
    filters: dict[str, list[str]] = {}
    for text in given:
        if not text:
            continue
        key, eq, value = text.partition("=")
        if not eq:
            raise WrongValue(flag, text, "bad format of filter (expected name=value)")
        filters.setdefault(key.strip().lower(), []).append(value.strip())
    return filters or None
