"""The `filters` parameter: a JSON object of lists, or of objects whose keys are the values.

Values of one key are alternatives, keys are combined with and; `label` values must all hold.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import msgspec

from pogu.errors import InvalidArgument

Filters = dict[str, list[str]]

_FORMS = msgspec.json.Decoder(dict[str, list[str] | dict[str, bool]])


def parse_filters(text: str) -> Filters:
    """Return the filters of a request, `{}` where the parameter is empty.

    Raises:
        InvalidArgument: the text is not one of the two forms.
    """
    if not text:
        return {}
    try:
        forms = _FORMS.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise InvalidArgument("invalid filter") from None
    return {
        key: [v for v, wanted in values.items() if wanted] if isinstance(values, dict) else list(dict.fromkeys(values))
        for key, values in forms.items()
    }


def check_keys(filters: Filters, accepted: Collection[str]) -> None:
    """Raise InvalidArgument where a key is not accepted."""
    for key in filters:
        if key not in accepted:
            raise InvalidArgument(f"invalid filter '{key}'")


def invalid_value(key: str, values: Sequence[str]) -> InvalidArgument:
    """Return the error for a value that its key does not allow."""
    return InvalidArgument(f"invalid filter '{key}=[{' '.join(values)}]'")


def truth(filters: Filters, key: str) -> bool | None:
    """Return the truth of a filter such as `dangling`, None where it is not given.

    Raises:
        InvalidArgument: no value, a value that is neither, or both.
    """
    if key not in filters:
        return None
    values = filters[key]
    true, false = bool({"1", "true"} & set(values)), bool({"0", "false"} & set(values))
    if true == false:
        raise invalid_value(key, values)
    return true


def labels_match(filters: Filters, labels: Mapping[str, str] | None, key: str = "label") -> bool:
    """Tell whether `labels` has every `k` and `k=v` of the filter."""
    own = labels or {}
    for term in filters.get(key, ()):
        name, equals, value = term.partition("=")
        if name not in own or (equals and own[name] != value):
            return False
    return True


def matches_exactly(filters: Filters, key: str, value: str) -> bool:
    """Tell whether `value` is one of the filter's, or the filter is not given."""
    wanted = filters.get(key)
    return not wanted or value in wanted


def matches_prefix(filters: Filters, key: str, value: str) -> bool:
    """Tell whether `value` begins with one of the filter's."""
    wanted = filters.get(key)
    return not wanted or any(value.startswith(w) for w in wanted)


def matches_pattern(filters: Filters, key: str, value: str) -> bool:
    """Tell whether one of the filter's values is `value` or a regular expression found in it."""
    wanted = filters.get(key)
    return not wanted or value in wanted or any(_search(w, value) for w in wanted)


def _search(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except (re.error, RecursionError, OverflowError):
        return False
