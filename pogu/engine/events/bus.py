"""The event bus: publish from anywhere on the loop, subscribe with a filter, replay the recent past.

The shape of an event is Docker's (API reference, `GET /events`): a type, an action, an actor with attributes,
and a time in nanoseconds.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

BACKLOG = 1024
SUBSCRIBER_QUEUE = 4096


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `time_ns` is Unix time in nanoseconds; `scope` is `local` or `swarm`."""

    type: str
    action: str
    actor_id: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    time_ns: int = 0
    scope: str = "local"


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Docker's event filters: values of one key are alternatives, keys are combined with and.

    Keys: `type`, `event`, `container`, `image`, `volume`, `network`, `daemon`, `label` (`k` or `k=v`), `scope`.
    """

    terms: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def matches(self, event: Event) -> bool:
        return all(_matches(event, key, values) for key, values in self.terms.items() if values)


def _matches(event: Event, key: str, values: Sequence[str]) -> bool:
    if key == "type":
        return event.type in values
    if key == "scope":
        return event.scope in values
    if key == "event":
        return any(event.action == v or event.action.startswith(v + ":") for v in values)
    if key == "label":
        return all(_has_label(event.attributes, v) for v in values)
    if key == "image":
        return any(_is_image(event, v) for v in values)
    if key == "container":
        return any(_begins(event, v) for v in values)
    return event.type == key and any(_is_actor(event, v) for v in values)


def _has_label(attributes: Mapping[str, str], term: str) -> bool:
    key, eq, value = term.partition("=")
    return key in attributes and (not eq or attributes[key] == value)


def _is_actor(event: Event, ref: str) -> bool:
    return bool(ref) and (event.actor_id.startswith(ref) or event.attributes.get("name") == ref)


def _begins(event: Event, ref: str) -> bool:
    """A container filter asks the beginning of ID and name, of whatever is called so; dockerd's does."""
    return bool(ref) and (event.actor_id.startswith(ref) or event.attributes.get("name", "").startswith(ref))


def _is_image(event: Event, ref: str) -> bool:
    """An image filter matches image events by name or ID, and container events by the image they came from."""
    if event.type == "image":
        names = {event.actor_id, event.attributes.get("name", "")}
    else:
        names = {event.attributes.get("image", "")} - {""}
    return any(n == ref or n.rpartition(":")[0] == ref for n in names)


class EventBus:
    """Delivers events to subscribers in order; keeps the last 1024 for replay (dockerd: 256)."""

    def __init__(self) -> None:
        self._backlog: deque[Event] = deque(maxlen=BACKLOG)
        self._subscribers: set[asyncio.Queue[Event]] = set()
        self._last = 0

    @property
    def listeners(self) -> int:
        """How many subscriptions are open."""
        return len(self._subscribers)

    def publish(self, type_: str, action: str, actor_id: str, attributes: Mapping[str, str] | None = None) -> Event:
        """Record and deliver an event now; times never go backwards or repeat."""
        self._last = max(time.time_ns(), self._last + 1)
        event = Event(type_, action, actor_id, dict(attributes or {}), self._last)
        self._backlog.append(event)
        for q in list(self._subscribers):
            if q.full():  # a reader that stalls loses its oldest events, never blocks the engine
                q.get_nowait()
            q.put_nowait(event)
        return event

    def past(self, filter_: EventFilter) -> list[Event]:
        """Return the matching events that are still remembered, oldest first."""
        return [event for event in self._backlog if filter_.matches(event)]

    async def subscribe(
        self, filter_: EventFilter, since_ns: int | None = None, until_ns: int | None = None
    ) -> AsyncIterator[Event]:
        """Yield matching events: the backlog from `since_ns` if given, then live ones until `until_ns`.

        Ends by itself when `until_ns` has passed; the subscription is taken before the first event is awaited.
        """
        batches = self.subscribe_batches(filter_, since_ns, until_ns)
        try:
            async for batch in batches:
                for event in batch:
                    yield event
        finally:
            await batches.aclose()

    async def subscribe_batches(
        self, filter_: EventFilter, since_ns: int | None = None, until_ns: int | None = None
    ) -> AsyncGenerator[list[Event], None]:
        """Yield what `subscribe` does, those that are there at once together, never an empty list."""
        q: asyncio.Queue[Event] = asyncio.Queue(SUBSCRIBER_QUEUE)
        past = [e for e in self._backlog if since_ns is not None and e.time_ns >= since_ns]
        self._subscribers.add(q)
        try:
            if chosen := [e for e in past if (until_ns is None or e.time_ns <= until_ns) and filter_.matches(e)]:
                yield chosen
            while (event := await _next(q, until_ns)) is not None:
                if filter_.matches(event):
                    yield [event]
        finally:
            self._subscribers.discard(q)


async def _next(q: asyncio.Queue[Event], until_ns: int | None) -> Event | None:
    if until_ns is None:
        return await q.get()
    remaining = (until_ns - time.time_ns()) / 1e9
    if remaining <= 0:
        return None
    try:
        async with asyncio.timeout(remaining):
            event = await q.get()
    except TimeoutError:
        return None
    return event if event.time_ns <= until_ns else None
