"""Telling others what happens: events go to endpoints by HTTP POST, in order, until each has taken them.

What is to be told lies in the store (`events/`), written together with what it tells of. An endpoint that does not
answer 2xx is tried again, less and less often; each event goes to each endpoint at least once.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pogu.errors import InvalidArgument
from pogu.registry.events import MEDIA_TYPE, Outbox
from pogu.registry.layout import EVENTS
from pogu.registry.storage import Record, Store

log = logging.getLogger(__name__)

_BATCH = 50
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0
_MOST_WAITING = 100_000
"""Events kept for an endpoint that is away; the oldest are dropped beyond that, with an error in the log."""


@dataclass(slots=True)
class Hook:
    """One endpoint."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    actions: frozenset[str] = frozenset({"push"})
    timeout: float = 10.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidArgument(f"webhook: {self.url!r} is not an address like https://example.org/hook")


class Webhooks:
    """Delivers events. `run` does the work; `outbox.wake` says that there is some."""

    def __init__(self, store: Store, outbox: Outbox, hooks: Sequence[Hook], first_pause: float = _FIRST_PAUSE) -> None:
        self._store = store
        self._hooks = hooks
        self._first_pause = first_pause
        self._more = asyncio.Event()
        self._taken: dict[str, set[str]] = {}  # by event, the endpoints that have it while others have not
        self.waiting = 0
        outbox.wanted = bool(hooks)
        outbox.wake = self._more.set

    async def run(self) -> None:
        """Deliver for ever."""
        self._more.set()
        pause = self._first_pause
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if not self.waiting else pause):
                    await self._more.wait()
            self._more.clear()
            try:
                delivered = await self._deliver()
            except OSError as error:
                log.error("webhooks: the storage fails: %s", error)
                delivered = False
            pause = self._first_pause if delivered else min(pause * 2, _LONGEST_PAUSE)
            if not delivered:
                await asyncio.sleep(pause)

    async def _deliver(self) -> bool:
        """Send all that waits; False if an endpoint has not taken something."""
        records = await self._store.records(EVENTS)
        if len(records) > _MOST_WAITING:
            log.error("webhooks: %d events are dropped: an endpoint is away for too long", len(records) - _MOST_WAITING)
            await self._store.delete([record.key for record in records[:-_MOST_WAITING]])
            records = records[-_MOST_WAITING:]
        self.waiting = len(records)
        away: set[str] = set()
        for start in range(0, len(records), _BATCH):
            batch = records[start : start + _BATCH]
            for hook in self._hooks:
                if hook.url not in away and not await self._send(hook, batch):
                    away.add(hook.url)
            done = [
                record.key
                for record in batch
                if all(hook.url in self._taken.get(record.key, ()) for hook in self._hooks)
            ]
            await self._store.delete(done)
            for key in done:
                self._taken.pop(key, None)
            self.waiting -= len(done)
        return not away

    async def _send(self, hook: Hook, batch: list[Record]) -> bool:
        fresh = [record for record in batch if hook.url not in self._taken.get(record.key, ())]
        events = [event for record in fresh if (event := msgspec.json.decode(record.data))["action"] in hook.actions]
        if events:
            try:
                status = await asyncio.to_thread(_post, hook, msgspec.json.encode({"events": events}))
            except (OSError, http.client.HTTPException) as error:
                log.warning("webhook %s: %s", hook.url, error)
                return False
            if not 200 <= status < 300:
                log.warning("webhook %s answered %d", hook.url, status)
                return False
        for record in fresh:
            self._taken.setdefault(record.key, set()).add(hook.url)
        return True


def _post(hook: Hook, body: bytes) -> int:
    parts = urlsplit(hook.url)
    connection: Any
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(parts.netloc, timeout=hook.timeout, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=hook.timeout)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"Content-Type": MEDIA_TYPE, **hook.headers})
        with connection.getresponse() as response:
            return int(response.status)
    finally:
        connection.close()
