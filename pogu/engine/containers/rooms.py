"""What the operations on containers share: the engine's other rooms, the table, and tasks that outlive a request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pogu.engine.config import EngineConfig
from pogu.engine.containers.roots import Roots
from pogu.engine.containers.table import KIND, Entry, Table
from pogu.engine.events import EventBus
from pogu.engine.images import Images
from pogu.engine.networks import Networks
from pogu.engine.runtime import Supervisor
from pogu.engine.state import Put, StateStore
from pogu.engine.storage import StorageDriver
from pogu.engine.volumes import Volumes

T = TypeVar("T")
log = logging.getLogger("pogu.containers")


async def _nothing(entry: Entry) -> None:
    """Do nothing, until the facade says what to do."""


@dataclass(slots=True)
class Rooms:
    """The composition that every operation gets."""

    config: EngineConfig
    state: StateStore
    events: EventBus
    images: Images
    storage: StorageDriver
    volumes: Volumes
    networks: Networks
    supervisor: Supervisor
    roots: Roots
    table: Table = field(default_factory=Table)
    stopping: bool = False
    keeps_strays: bool = False  # records may have been lost: what has none must not be deleted
    # set by the facade: what `launch` and `stop` cause without knowing it
    on_started: Callable[[Entry], None] = lambda entry: None
    on_abandoned: Callable[[Entry], Awaitable[None]] = _nothing
    on_gone: Callable[[Entry], None] = lambda entry: None
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def spawn(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        """Run `work` in a task of its own; an error in it is logged, not lost."""
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("%s failed", task.get_name(), exc_info=task.exception())

    async def shielded(self, work: Coroutine[Any, Any, T], name: str) -> T:
        """Run `work` to its end even if the caller is cancelled, so that nothing is left half-made."""
        task = asyncio.create_task(work, name=name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_consume)
            raise

    async def save(self, entry: Entry) -> None:
        """Make the container's record durable."""
        if not entry.gone:
            await self.state.commit(Put(KIND, entry.id, entry.record.encode()))

    def directory(self, id_: str) -> Path:
        """Return where a container's own files are (hosts, hostname, resolv.conf, the spool of its output)."""
        return self.config.root / "containers" / id_

    def spool(self, id_: str) -> Path:
        """Return the file that the container's output is kept in."""
        return self.directory(id_) / "output.log"

    def publish(self, entry: Entry, action: str, **attributes: str) -> None:
        """Tell what happened to a container, with dockerd's attributes: image, name, labels, and those given."""
        record = entry.record
        actor = {**(record.config.labels or {}), "image": record.config.image or record.image_id, "name": record.name}
        self.events.publish("container", action, record.id, {**actor, **attributes})


def _consume(task: asyncio.Task[Any]) -> None:
    """Take the result of work whose caller has gone, so that asyncio does not complain; errors are logged."""
    if not task.cancelled() and task.exception() is not None:
        log.warning("%s failed after its caller had gone: %s", task.get_name(), task.exception())
