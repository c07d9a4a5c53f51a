"""Times as Docker's API reads them in queries and writes them in logs."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pogu.engine.moments import parse_rfc3339
from pogu.errors import InvalidArgument

_SECOND = 1_000_000_000


def render_log_time(time_ns: int) -> str:
    """Return a time with exactly nine digits, as `docker logs --timestamps` shows it."""
    seconds, ns = divmod(time_ns, _SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"


def parse_timestamp(name: str, text: str) -> int | None:
    """Return the nanoseconds of a `since`/`until` value: `seconds[.nanoseconds]`; None for an empty one.

    RFC 3339 is accepted too: newer and older clients convert it themselves, people with curl do not.

    Raises:
        InvalidArgument: it is neither.
    """
    if not text:
        return None
    found = re.fullmatch(r"([+-]?\d{1,18})(?:\.(\d{0,20}))?", text, re.ASCII)
    if found:
        seconds = int(found[1])
        if abs(seconds) > 9_223_372_036:  # what 64 bits of nanoseconds hold
            raise InvalidArgument(f'invalid value for "{name}": invalid timestamp "{text}": value out of range')
        return seconds * _SECOND + int((found[2] or "0")[:9].ljust(9, "0"))
    try:
        if "T" in text:
            return parse_rfc3339(text)
    except InvalidArgument:
        pass
    raise InvalidArgument(f'invalid value for "{name}": invalid timestamp "{text}": invalid syntax')
