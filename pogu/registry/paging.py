"""Lists in pages: the `n` and `last` parameters and the `Link` to the next page (RFC 8288)."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from urllib.parse import urlencode

from pogu.http import Query
from pogu.registry.refusals import Refused

MAX_PAGE = 10_000
"""Entries of one answer; more come with the next page."""


def page(names: Sequence[str], query: Query) -> tuple[list[str], str | None]:
    """The part of sorted names that a request asks for, and the name to go on after if there are more.

    `last` need not be in the list. Raises Refused for a bad `n`.
    """
    wanted = page_size(query)
    last = query.get("last")
    start = bisect.bisect_right(names, last) if last else 0
    chosen = list(names[start : start + wanted])
    more = wanted > 0 and start + wanted < len(names)
    return chosen, chosen[-1] if more else None


def page_size(query: Query) -> int:
    """How many entries a request wants at most. Raises Refused if `n` is not a number of at least 0."""
    text = query.get("n")
    if text is None or text == "":
        return MAX_PAGE
    if not (text.isascii() and text.isdigit()):
        raise Refused("UNSUPPORTED", f"invalid number of results requested: n={text[:40]!r}", status=400)
    return min(int(text[:9]), MAX_PAGE)


def next_link(path: str, last: str, **parameters: str | None) -> tuple[str, str]:
    """The `Link` field to the page after `last`; the other parameters are repeated."""
    query = urlencode({**{name: value for name, value in parameters.items() if value}, "last": last})
    return ("Link", f'<{path}?{query}>; rel="next"')
