"""Which of the cache a prune takes, by the filters of `docker builder prune`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pogu.engine.build.cache.cache import CacheUsage
from pogu.engine.moments import parse_moment, recorded_ns
from pogu.errors import InvalidArgument

PRUNE_FILTERS = (
    "description",
    "id",
    "inuse",
    "label",
    "label!",
    "parent",
    "private",
    "shared",
    "type",
    "until",
    "unused-for",
)
Filters = Mapping[str, Sequence[str]]


def chosen(usage: Sequence[CacheUsage], filters: Filters, every: bool, keep: int) -> list[CacheUsage]:
    """Return what is to go: all that is not in use and passes the filters, the longest unused first.

    Without `every` (`--all`), what images share stays. `keep` is bytes that may stay.

    Raises:
        InvalidArgument: an unknown filter, or a value that cannot be.
    """
    for name in filters:
        if name not in PRUNE_FILTERS:
            raise InvalidArgument(f"invalid filter '{name}'")
    passing = [u for u in usage if not u.in_use and (every or not u.shared) and _passes(u, filters)]
    total = sum(u.size for u in usage)
    gone = []
    for record in passing:
        if keep and total <= keep:
            break
        gone.append(record)
        total -= record.size
    return gone


def _passes(usage: CacheUsage, filters: Filters) -> bool:
    for name, values in filters.items():
        for value in values:
            if not _matches(usage, name, value):
                return False
    return True


def _matches(usage: CacheUsage, name: str, value: str) -> bool:
    if name in ("until", "unused-for"):
        return recorded_ns(usage.last_used) < parse_moment(value)
    if name == "id":
        return usage.id.startswith(value)
    if name == "description":
        return value in usage.description
    if name == "type":
        return value == "regular"
    if name == "shared":
        return usage.shared == _truth(value)
    if name == "private":
        return usage.shared != _truth(value)
    if name == "inuse":
        return usage.in_use == _truth(value)
    return name == "label!"  # records have no labels: `docker system prune` hands its filters to every room


def _truth(value: str) -> bool:
    return value.lower() in ("", "1", "t", "true")
