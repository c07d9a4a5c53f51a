"""Spans of time in words. It imports nothing, because the command, which has little time to start, uses it too."""

from __future__ import annotations

_UNITS = (  # below (hours), hours each, name
    (48, 1, "hours"),
    (24 * 7 * 2, 24, "days"),
    (24 * 30 * 2, 24 * 7, "weeks"),
    (24 * 365 * 2, 24 * 30, "months"),
)


def human_duration(seconds: float) -> str:
    """Return a span as docker says it: `About a minute`, `3 hours`, `2 weeks` (docker/go-units)."""
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
    for below, each, unit in _UNITS:
        if hours < below:
            return f"{hours // each} {unit}"
    return f"{hours // (24 * 365)} years"
