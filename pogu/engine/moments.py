"""Points in time as records, image configurations and filters write them: RFC 3339, Unix times and durations.

Inside, a time is an int: nanoseconds since the Unix epoch.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta, timezone

from pogu.errors import InvalidArgument

NEVER = "0001-01-01T00:00:00Z"  # Go's zero time, which Docker shows where there is none
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?)?([Zz]|[+-]\d\d:\d\d)?", re.ASCII
)
_UNIX = re.compile(r"([+-]?\d+)(?:\.(\d{1,20}))?", re.ASCII)
_DURATION = re.compile(r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNIT = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_ns(moment: int) -> str:
    """Return RFC 3339 in UTC with as many digits of the fraction as are needed (Go's RFC3339Nano)."""
    whole = _EPOCH + timedelta(seconds=moment // 10**9)
    fraction = f"{moment % 10**9:09d}".rstrip("0")
    return whole.replace(tzinfo=None).isoformat() + (f".{fraction}" if fraction else "") + "Z"


def now_rfc3339() -> str:
    return format_ns(time.time_ns())


def parse_rfc3339(text: str) -> int:
    """Return the nanoseconds of a time; parts may be missing from the right, local time where no zone is named.

    Raises:
        InvalidArgument: it is no such time.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise InvalidArgument(f'parsing time "{text}": it is not an RFC 3339 time')
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=_zone(match[8]))
        whole = moment.astimezone(UTC) - _EPOCH
    except (ValueError, OverflowError) as e:
        raise InvalidArgument(f'parsing time "{text}": {e}') from None
    return (whole.days * 86400 + whole.seconds) * 10**9 + int((match[7] or "").ljust(9, "0")[:9])


def recorded_ns(text: str) -> int:
    """Return the nanoseconds of a time that Pogu has written itself; 0 for `NEVER` and for none."""
    return 0 if not text or text == NEVER else parse_rfc3339(text)


def parse_duration(text: str) -> int:
    """Return the nanoseconds of a duration in Go's notation (`1h30m`, `1.5s`, `0`); InvalidArgument if it is none."""
    if text in ("0", "+0", "-0"):
        return 0
    if not _DURATION.fullmatch(text):
        raise InvalidArgument(f'time: invalid duration "{text}"')
    parts = [float(number) * _UNIT[unit] for number, unit in _DURATION_PART.findall(text)]
    if sum(parts) >= 2**63 or (total := sum(map(round, parts))) >= 2**63:
        raise InvalidArgument(f'time: invalid duration "{text}"')
    return -total if text.startswith("-") else total


def parse_moment(text: str, now: int | None = None) -> int:
    """Return the time a filter's value means: a duration before now, an RFC 3339 time, or Unix seconds[.fraction].

    Raises:
        InvalidArgument: it is none of these.
    """
    text = text.strip()
    if not text:
        raise InvalidArgument("failed to parse value as time or duration: value is empty")
    if text != "0" and _DURATION.fullmatch(text):
        return (time.time_ns() if now is None else now) - parse_duration(text)
    unix = _UNIX.fullmatch(text)
    if unix is not None:
        seconds = int(unix[1])
        if not -(2**63) <= seconds < 2**63:
            raise InvalidArgument(f'failed to parse value as time or duration: invalid seconds "{unix[1]}"')
        return seconds * 10**9 + int((unix[2] or "").ljust(9, "0")[:9])
    if _RFC3339.fullmatch(text):
        return parse_rfc3339(text)
    raise InvalidArgument(f'failed to parse value as time or duration: invalid seconds "{text}"')


def _zone(name: str | None) -> timezone | None:
    """Return the zone `Z` or `±hh:mm` names; None is the machine's own."""
    if name is None:
        return None
    if name in "Zz":
        return UTC
    offset = timedelta(hours=int(name[1:3]), minutes=int(name[4:6]))
    return timezone(-offset if name[0] == "-" else offset)
