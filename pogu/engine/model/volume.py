"""Volumes."""

from __future__ import annotations

from pogu.engine.model.base import Record


class Volume(Record):
    """A volume. `created_at` is RFC 3339; `mountpoint` is where its files are on the host."""

    name: str
    driver: str = "local"
    mountpoint: str = ""
    created_at: str = ""
    labels: dict[str, str] | None = None
    options: dict[str, str] | None = None
    scope: str = "local"
    anonymous: bool = False
    made_for: str = ""  # the ID of the container whose creation makes it, until that is recorded
