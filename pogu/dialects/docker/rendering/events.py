"""Events as `GET /events` streams them."""

from __future__ import annotations

from typing import Any

from pogu.engine.events import Event

_ABOUT_OBJECTS = ("container", "image")


def render_event(event: Event) -> dict[str, Any]:
    """Return an event with the fields of API 1.21 in front that the docker command read until version 25."""
    value: dict[str, Any] = {}
    if event.type in _ABOUT_OBJECTS:
        value |= {"status": event.action, "id": event.actor_id}
    if event.type == "container":
        value["from"] = event.attributes.get("image", "")
    return value | {
        "Type": event.type,
        "Action": event.action,
        "Actor": {"ID": event.actor_id, "Attributes": dict(event.attributes)},
        "scope": event.scope,
        "time": event.time_ns // 1_000_000_000,
        "timeNano": event.time_ns,
    }
