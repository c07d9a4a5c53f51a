"""`ps`: which containers, by every filter that Docker has, newest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from pogu.engine.containers import times
from pogu.engine.containers.create.ports import expand_ports
from pogu.engine.containers.matching import boolean, matches_name
from pogu.engine.containers.rooms import Rooms
from pogu.engine.containers.table import Entry
from pogu.engine.images.filters import has_labels
from pogu.engine.model import Container
from pogu.errors import InvalidArgument, NotFound

Filters = Mapping[str, Sequence[str]]
STATUSES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
HEALTH = ("none", "starting", "healthy", "unhealthy")


@dataclass(slots=True)
class _Query:
    """The filters, taken apart once for all containers."""

    filters: Filters
    every: bool
    exited: list[int] = field(default_factory=list)
    images: set[str] | None = None
    publish: set[str] = field(default_factory=set)
    expose: set[str] = field(default_factory=set)
    networks: set[str] = field(default_factory=set)


def list_containers(rooms: Rooms, every: bool, limit: int, filters: Filters) -> list[Container]:
    """Return the containers that match, newest first; a `limit` above 0 counts stopped ones too.

    Raises:
        InvalidArgument: a filter's value cannot be.
        NotFound: `before` or `since` names no container.
    """
    query = _parse(rooms, every or limit > 0, filters)
    newest = sorted(rooms.table, key=lambda e: (e.created_ns, e.id), reverse=True)
    newest = _between(rooms, newest, filters)
    found = [e.record for e in newest if _matches(e.record, query)]
    return found[:limit] if limit > 0 else found


def _parse(rooms: Rooms, every: bool, filters: Filters) -> _Query:
    query = _Query(filters, every)
    for value in filters.get("exited", ()):
        try:
            query.exited.append(int(value))
        except ValueError:
            raise InvalidArgument(
                f"invalid filter 'exited={value}': strconv.Atoi: parsing \"{value}\": invalid syntax"
            ) from None
    for value in filters.get("status", ()):
        if value not in STATUSES:
            raise InvalidArgument(
                f"invalid filter 'status={value}': invalid value for state ({value}): must be one of "
                + ", ".join(STATUSES)
            )
        query.every = True
    for value in filters.get("health", ()):
        if value not in HEALTH:
            raise InvalidArgument(
                f"invalid filter 'health={value}': invalid value for health ({value}): must be one of "
                + ", ".join(HEALTH)
            )
    if filters.get("ancestor"):
        query.images = _images(rooms, filters["ancestor"])
    query.publish = _ports("publish", filters.get("publish", ()))
    query.expose = _ports("expose", filters.get("expose", ()))
    if filters.get("is-task"):
        boolean(filters["is-task"][0], "is-task")
    return query


def _images(rooms: Rooms, refs: Sequence[str]) -> set[str]:
    """Return the IDs of images and of all that were made from them."""
    ids: set[str] = set()
    for ref in refs:
        try:
            ids.add(rooms.images.resolve(ref).id)
        except (NotFound, InvalidArgument):
            continue
    parents = {i.id: i.parent_id for i in rooms.images.list(all=True)}
    grown = True
    while grown:
        more = {i for i, parent in parents.items() if parent in ids and i not in ids}
        ids |= more
        grown = bool(more)
    return ids


def _ports(key: str, values: Sequence[str]) -> set[str]:
    ports: set[str] = set()
    for value in values:
        if ":" in value:
            raise InvalidArgument(f"filter for '{key}' should not contain ':': {value}")
        try:
            ports.update(expand_ports(value))
        except InvalidArgument as e:
            raise InvalidArgument(f"error while looking up for {key} {value}: {e.message}") from None
    return ports


def _between(rooms: Rooms, newest: list[Entry], filters: Filters) -> list[Entry]:
    """Apply `before` and `since`, which are positions in the list rather than properties."""
    for ref in filters.get("before", ()):
        other = rooms.table.find(ref)
        newest = newest[newest.index(other) + 1 :] if other in newest else []
    for ref in filters.get("since", ()):
        other = rooms.table.find(ref)
        newest = newest[: newest.index(other)] if other in newest else newest
    return newest


_Check = Callable[[Container, _Query, Sequence[str]], bool]


def _matches(record: Container, query: _Query) -> bool:
    if record.purpose == "hidden build" or (not query.every and not record.state.running):
        return False
    return all(check(record, query, values) for key, check in _CHECKS.items() if (values := query.filters.get(key)))


def _id(record: Container, query: _Query, values: Sequence[str]) -> bool:
    return any(record.id.startswith(v) or matches_name(record.id, v) for v in values)


def _name(record: Container, query: _Query, values: Sequence[str]) -> bool:
    return any(matches_name(f"/{record.name}", v) or matches_name(record.name, v) for v in values)


def _label(record: Container, query: _Query, values: Sequence[str]) -> bool:
    return has_labels(record.config.labels or {}, values)


def _exited(record: Container, query: _Query, values: Sequence[str]) -> bool:
    state = record.state
    return state.exit_code in query.exited and not state.running and times.was_started(state.started_at)


def _status(record: Container, query: _Query, values: Sequence[str]) -> bool:
    status = "removing" if record.removal_in_progress else record.state.status
    return status in values


def _ancestor(record: Container, query: _Query, values: Sequence[str]) -> bool:
    return record.image_id in (query.images or ())


def _volume(record: Container, query: _Query, values: Sequence[str]) -> bool:
    own = {p.name for p in record.mounts if p.name} | {p.destination for p in record.mounts}
    own |= {p.source for p in record.mounts if p.type == "bind"}
    return any(v in own for v in values)


def _network(record: Container, query: _Query, values: Sequence[str]) -> bool:
    for name, endpoint in record.networks.items():
        id_ = endpoint.network_id or ""
        if any(v == name or (id_ and id_.startswith(v)) for v in values):
            return True
    return False


def _ports_shown(record: Container, query: _Query, values: Sequence[str]) -> bool:
    """Ask the ports that `ps` shows, which a container has while it runs; one of all that are asked for is enough."""
    for port, bindings in record.ports.items():
        protocol = port.partition("/")[2]
        if port in query.expose or any(f"{b.host_port}/{protocol}" in query.publish for b in bindings or ()):
            return True
    return False


def _health(record: Container, query: _Query, values: Sequence[str]) -> bool:
    return (record.state.health.status if record.state.health else "none") in values


def _is_task(record: Container, query: _Query, values: Sequence[str]) -> bool:
    return not boolean(values[0], "is-task")  # tasks of a swarm are pods here, not containers of this engine


def _isolation(record: Container, query: _Query, values: Sequence[str]) -> bool:
    return (record.host_config.isolation or "default") in values


_CHECKS: dict[str, _Check] = {
    "id": _id,
    "name": _name,
    "label": _label,
    "exited": _exited,
    "status": _status,
    "ancestor": _ancestor,
    "volume": _volume,
    "network": _network,
    "publish": _ports_shown,
    "expose": _ports_shown,
    "health": _health,
    "is-task": _is_task,
    "isolation": _isolation,
}
