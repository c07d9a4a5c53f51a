"""Sizes, durations and moments as people write and read them (the forms of docker/go-units and Go's time)."""

from __future__ import annotations

import time

from pogu.engine.spans import human_duration
from pogu.errors import InvalidArgument

_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def parse_size(text: str) -> int:
    """Return bytes of `512m`, `1.5GiB`, `100`; units are powers of 1024. Raises InvalidArgument."""
    import re

    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kmgtp])?i?b?", text.strip(), re.IGNORECASE)
    if not match:
        number = re.match(r"\d+(?:\.\d+)? ?", text)
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


def human_age(moment: float | str) -> str:
    """Return how long ago a Unix time or an RFC 3339 text was, `N/A` for none."""
    stamp = _unix(moment) if isinstance(moment, str) else moment
    return "N/A" if not stamp or stamp < 0 else f"{human_duration(max(0.0, time.time() - stamp))} ago"


def _unix(text: str) -> float:
    from pogu.engine.moments import recorded_ns

    return recorded_ns(text) / 1e9


def human_moment(stamp: float) -> str:
    """Return a Unix time as Go prints one: `2024-05-01 12:00:00 +0200 CEST`."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z %Z", time.localtime(stamp))


def api_time(text: str) -> str:
    """Return what `--since` and `--until` mean for the API: Unix seconds, from those, a duration ago, or a date.

    Dates without a zone are in this machine's own; nothing of their nine decimals is lost. Raises InvalidArgument.
    """
    from pogu.engine.moments import parse_moment

    if text.replace(".", "", 1).isdecimal():
        return text
    try:
        nanos = parse_moment(text)
    except InvalidArgument:
        raise InvalidArgument(f'failed to parse value as time or duration: "{text}"') from None
    return f"{nanos // 10**9}.{nanos % 10**9:09d}"
