"""What containers add to points in time: whether there is one, and durations as Go prints them."""

from __future__ import annotations

from pogu.engine.moments import NEVER


def was_started(started_at: str) -> bool:
    """Tell whether a container has ever run."""
    return started_at != NEVER


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
