"""Volumes as the API shows them."""

from __future__ import annotations

from typing import Any

from pogu.engine.model import Volume


def render_volume(volume: Volume, usage: tuple[int, int] | None = None) -> dict[str, Any]:
    """Return a volume. `usage` is its size in bytes and the number of containers that use it."""
    value: dict[str, Any] = {
        "CreatedAt": volume.created_at,
        "Driver": volume.driver,
        "Labels": volume.labels or None,
        "Mountpoint": volume.mountpoint,
        "Name": volume.name,
        "Options": volume.options,
        "Scope": volume.scope,
    }
    if usage is not None:
        value["UsageData"] = {"RefCount": usage[1], "Size": usage[0]}
    return value
