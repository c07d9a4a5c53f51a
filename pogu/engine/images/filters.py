"""Filters of image lists and prunes: what the API's `filters` parameter may say, checked and matched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from pogu.errors import InvalidArgument

Filters = Mapping[str, Sequence[str]]  # values of one key are alternatives unless the key says otherwise

_TRUE, _FALSE = ("1", "true"), ("0", "false")


def check_keys(filters: Filters, known: Collection[str]) -> None:
    """Raise InvalidArgument for a filter that the operation does not have."""
    for key in filters:
        if key not in known:
            raise InvalidArgument(f"invalid filter '{key}'")


def boolean(filters: Filters, key: str, default: bool) -> bool:
    """Return a yes-or-no filter; InvalidArgument for other words, or both at once."""
    values = filters.get(key) or ()
    if not values:
        return default
    if all(v in _TRUE for v in values):
        return True
    if all(v in _FALSE for v in values):
        return False
    raise InvalidArgument(f"invalid filter '{key}=[{' '.join(values)}]'")


def has_labels(labels: Mapping[str, str], terms: Sequence[str]) -> bool:
    """Tell whether every term `key` or `key=value` holds for the labels."""
    return all(_has_label(labels, term) for term in terms)


def labels_match(filters: Filters, labels: Mapping[str, str]) -> bool:
    """Tell whether an object's labels pass the filters `label` (all must hold) and `label!` (not all may hold)."""
    if not has_labels(labels, filters.get("label") or ()):
        return False
    unwanted = filters.get("label!") or ()
    return not (unwanted and has_labels(labels, unwanted))


def _has_label(labels: Mapping[str, str], term: str) -> bool:
    key, equals, value = term.partition("=")
    return key in labels and (not equals or labels[key] == value)
