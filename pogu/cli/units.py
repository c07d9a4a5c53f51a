"""Sizes, durations and moments as people write and read them (the forms of docker/go-units and Go's time)."""

from __future__ import annotations

import datetime
import re
import time

from pogu.errors import InvalidArgument

_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp])?i?b?", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:\.\d+)? ?")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d)(?::(\d\d))?(?::(\d\d))?(?:\.(\d+))?)?(Z|[+-]\d\d:?\d\d)?")


def parse_size(text: str) -> int:
    """Return bytes of `512m`, `1.5GiB`, `100`; units are powers of 1024. Raises InvalidArgument."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        number = _NUMBER.match(text)
        if number:
            raise InvalidArgument(f"invalid suffix: '{text[number.end() :].strip().lower()}'")
        raise InvalidArgument(f"invalid size: '{text}'")
    return int(float(match[1]) * 1024 ** _POWERS[(match[2] or "").lower()])


def human_size(size: float, precision: int = 3) -> str:
    """Return a size in decimal units with `precision` significant digits: `1.24MB`. Totals have four, as docker's."""
    return _scaled(size, 1000.0, ("B", "kB", "MB", "GB", "TB", "PB", "EB"), precision)


def human_binary(size: float, precision: int = 4) -> str:
    """Return a size in binary units: `7.656GiB`."""
    return _scaled(size, 1024.0, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"), precision)


def _scaled(size: float, base: float, units: tuple[str, ...], precision: int) -> str:
    i = 0
    while size >= base and i < len(units) - 1:
        size /= base
        i += 1
    return f"{size:.{precision}g}{units[i]}" if size < 10**precision else f"{size:.0f}{units[i]}"


def parse_duration(text: str) -> int:
    """Return nanoseconds of a Go duration such as `1m30s`. Raises InvalidArgument."""
    body = text.removeprefix("-")
    if body == "0":
        return 0
    parts = list(_DURATION.finditer(body))
    if not parts or "".join(p[0] for p in parts) != body:
        raise InvalidArgument(f'time: invalid duration "{text}"')
    total = sum(int(float(p[1]) * _NANOSECONDS[p[2]]) for p in parts)
    return -total if text.startswith("-") else total


def human_duration(seconds: float) -> str:
    """Return an age as docker says it: `About a minute`, `3 hours`, `2 weeks`."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < 60:
        return f"{whole} seconds"
    minutes = whole // 60
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    for limit, unit, name in (
        (48, 1, "hours"),
        (24 * 14, 24, "days"),
        (24 * 60, 24 * 7, "weeks"),
        (24 * 730, 24 * 30, "months"),
    ):
        if hours < limit:
            return f"{hours // unit} {name}"
    return f"{int(seconds / 3600) // 24 // 365} years"


def human_age(moment: float | str) -> str:
    """Return how long ago a Unix time or an RFC 3339 text was, `N/A` for none."""
    stamp = parse_rfc3339(moment) if isinstance(moment, str) else moment
    return "N/A" if not stamp or stamp < 0 else f"{human_duration(max(0.0, time.time() - stamp))} ago"


def human_moment(stamp: float) -> str:
    """Return a Unix time as Go prints one: `2024-05-01 12:00:00 +0200 CEST`."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(stamp))


def parse_rfc3339(text: str) -> float:
    """Return the Unix time of an RFC 3339 text; 0 for Go's zero time and for none. Raises InvalidArgument."""
    if not text or text.startswith("0001-"):
        return 0.0
    match = _MOMENT.fullmatch(text)
    if not match:
        raise InvalidArgument(f"cannot read {text!r} as a time")
    date, hour, minute, second, fraction, zone = match.groups()
    zone = "+00:00" if zone in {None, "Z"} else zone
    base = datetime.datetime.fromisoformat(f"{date}T{hour or '00'}:{minute or '00'}:{second or '00'}{zone}")
    return base.timestamp() + float(f"0.{fraction or 0}")


def api_time(text: str) -> str:
    """Return what `--since` and `--until` mean for the API: Unix seconds, from those, a duration ago, or a date.

    Dates without a zone are in this machine's own; nothing of their nine decimals is lost. Raises InvalidArgument.
    """
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return text
    match = _MOMENT.fullmatch(text)
    if not match:
        try:
            nanos = time.time_ns() - parse_duration(text)
        except InvalidArgument:
            raise InvalidArgument(f'failed to parse value as time or duration: "{text}"') from None
        return f"{nanos // 10**9}.{nanos % 10**9:09d}"
    zone = {None: "", "Z": "+00:00"}.get(match[6], match[6] or "")
    clock = ":".join(part or "00" for part in match.group(2, 3, 4))
    moment = datetime.datetime.fromisoformat(f"{match[1]}T{clock}{zone}")
    return f"{int(moment.timestamp())}.{(match[5] or '')[:9]:0<9}"
