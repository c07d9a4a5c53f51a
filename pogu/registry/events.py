"""What happened to a registry's content, in the form that Docker's registry tells it to webhooks.

One event is one JSON object; `{"events": [...]}` of type `application/vnd.docker.distribution.events.v1+json` is what
an endpoint receives.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from pogu.registry.layout import EVENTS

MEDIA_TYPE = "application/vnd.docker.distribution.events.v1+json"

Action = Literal["push", "delete", "mount"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who caused something: the user ("" for anybody), where from, and with which request."""

    actor: str = ""
    address: str = ""
    method: str = ""
    host: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `tag` is set when a tag was pushed or deleted."""

    action: Action
    repository: str
    digest: str
    media_type: str
    size: int
    origin: Origin
    tag: str = ""
    url: str = ""

    def render(self) -> dict[str, Any]:
        """The event as an endpoint receives it."""
        target: dict[str, Any] = {
            "mediaType": self.media_type,
            "size": self.size,
            "length": self.size,
            "digest": self.digest,
            "repository": self.repository,
        }
        if self.tag:
            target["tag"] = self.tag
        if self.url:
            target["url"] = self.url
        origin = self.origin
        return {
            "id": str(uuid.uuid4()),
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "action": self.action,
            "target": target,
            "request": {
                "id": str(uuid.uuid4()),
                "addr": origin.address,
                "host": origin.host,
                "method": origin.method,
                "useragent": origin.agent,
            },
            "actor": {"name": origin.actor} if origin.actor else {},
            "source": {"addr": origin.host},
        }


class Outbox:
    """Turns events into records that are written together with what they tell of, so that neither is without the other.

    Nothing is written while nobody wants to know. `wake` is called once the records are durable.
    """

    def __init__(self) -> None:
        self.wanted = False
        self.wake: Callable[[], None] = lambda: None

    def records(self, event: Event) -> list[tuple[str, bytes]]:
        """The records that announce an event."""
        if not self.wanted:
            return []
        key = f"{EVENTS}{time.time_ns():020d}-{secrets.token_hex(4)}"
        return [(key, msgspec.json.encode(event.render()))]
