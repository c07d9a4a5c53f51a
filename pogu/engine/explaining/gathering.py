"""The facts of a container, from the rooms that have them."""

from __future__ import annotations

import time

from pogu.engine.engine import Engine
from pogu.engine.events import EventFilter
from pogu.engine.explaining.explanation import Explanation, explain_facts
from pogu.engine.explaining.facts import Facts, Happening
from pogu.engine.logs import LogOptions
from pogu.errors import NotFound, Unsupported

_LINES = 20


async def explain(engine: Engine, ref: str) -> Explanation:
    """Return why a container is as it is.

    Raises:
        NotFound: there is no such container.
    """
    return explain_facts(await gather(engine, ref))


async def gather(engine: Engine, ref: str) -> Facts:
    """Return what is known of a container. Raises NotFound."""
    container = engine.containers.get(ref)
    events = engine.events.past(EventFilter({"type": ["container"]}))
    happenings = tuple(
        Happening(event.action, event.time_ns, int(event.attributes.get("signal") or 0))
        for event in events
        if event.actor_id == container.id
    )
    internal = frozenset(network.name for network in engine.networks.list() if network.internal)
    return Facts(
        container,
        time.time_ns(),
        happenings,
        await _last_lines(engine, container.id),
        engine.containers.restart_delay(container.id),
        internal,
    )


async def _last_lines(engine: Engine, id_: str) -> tuple[str, ...]:
    lines: list[str] = []
    try:
        async for batch in engine.containers.logs(id_, LogOptions(tail=_LINES)):
            lines += [line.data.decode(errors="replace").rstrip("\r\n") for line in batch]
    except (NotFound, Unsupported, OSError):
        return ()
    return tuple(line for line in lines if line.strip())[-_LINES:]
