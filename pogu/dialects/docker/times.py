"""Times as Docker's API writes, reads and speaks them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from pogu.errors import InvalidArgument

ZERO_TIME = "0001-01-01T00:00:00Z"

_SECOND = 1_000_000_000
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)")
_UNITS: tuple[tuple[int, int, str], ...] = (  # below (hours), hours each, name
    (48, 1, "hours"),
    (24 * 7 * 2, 24, "days"),
    (24 * 30 * 2, 24 * 7, "weeks"),
    (24 * 365 * 2, 24 * 30, "months"),
)


def parse_rfc3339(text: str) -> int:
    """Return Unix nanoseconds of an RFC 3339 time; 0 where the text is empty, zero or no time."""
    found = _RFC3339.fullmatch(text)
    if not found or text.startswith("0001-"):
        return 0
    zone = "+00:00" if found[3] == "Z" else found[3]
    seconds = int(datetime.fromisoformat(found[1] + zone).timestamp())
    return seconds * _SECOND + int((found[2] or "0").ljust(9, "0"))


def render_rfc3339(time_ns: int) -> str:
    """Return a time in UTC with as many digits as it needs, as Go's RFC3339Nano (trailing zeros dropped)."""
    seconds, ns = divmod(time_ns, _SECOND)
    base = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{ns:09d}".rstrip("0") if ns else ""
    return f"{base}{fraction}Z"


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
        when = parse_rfc3339(text)
    except ValueError:
        when = 0
    if when:
        return when
    raise InvalidArgument(f'invalid value for "{name}": invalid timestamp "{text}": invalid syntax')


def human_duration(nanoseconds: int) -> str:
    """Return a duration in words, as the docker command's users know them: `About a minute`, `3 days`."""
    seconds = nanoseconds // _SECOND
    if seconds < 1:
        return "Less than a second"
    if seconds == 1:
        return "1 second"
    if seconds < 60:
        return f"{seconds} seconds"
    minutes = seconds // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(nanoseconds / _SECOND / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    for below, each, unit in _UNITS:
        if hours < below:
            return f"{hours // each} {unit}"
    return f"{hours // (24 * 365)} years"
