"""Times as records hold them: RFC 3339 in UTC with nanoseconds, as Go prints them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from pogu.engine.logs.spool import parse_time

ZERO = "0001-01-01T00:00:00Z"


def format_time(ns: int) -> str:
    """Return Unix nanoseconds as `2026-01-01T00:00:00.000000001Z`."""
    seconds, rest = divmod(ns, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{rest:09d}Z"


def now() -> str:
    """Return the time now."""
    return format_time(time.time_ns())


def to_ns(text: str) -> int:
    """Return a record's time as Unix nanoseconds, 0 for the zero time."""
    return 0 if text.startswith("0001-") else parse_time(text.encode())


def was_started(started_at: str) -> bool:
    """Tell whether a container has ever run."""
    return not started_at.startswith("0001-")


def format_duration(ns: int) -> str:
    """Return a duration as Go prints it: `1m30s`, `500ms`, `2s`."""
    if ns < 1_000_000_000:
        for unit, size in (("ms", 1_000_000), ("µs", 1000)):
            if ns >= size:
                return f"{_trim(ns / size)}{unit}"
        return f"{ns}ns"
    total, fraction = divmod(ns, 1_000_000_000)
    hours, rest = divmod(total, 3600)
    minutes, seconds = divmod(rest, 60)
    text = f"{_trim(seconds + fraction / 1e9)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text


def _trim(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".")
