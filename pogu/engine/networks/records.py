"""The records of networks: found by name, ID or the beginning of an ID."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import msgspec

from pogu.engine.model import Network
from pogu.engine.moments import parse_moment, parse_rfc3339
from pogu.engine.state import Delete, Put, StateStore
from pogu.errors import Conflict, InvalidArgument, NotFound

log = logging.getLogger(__name__)

KIND = "network"
PREDEFINED = ("bridge", "host", "none")


class NetworkRecords:
    """All networks of the engine, in memory and in the state store."""

    def __init__(self, state: StateStore) -> None:
        self._state = state
        self._by_id: dict[str, Network] = {}
        self._by_name: dict[str, Network] = {}

    def load(self) -> None:
        """Read the records; one that cannot be read is left alone."""
        for id_, data in self._state.load(KIND):
            try:
                self._note(Network.decode(data))
            except msgspec.MsgspecError as e:
                log.error("network %s: its record cannot be read and is left alone: %s", id_, e)

    def list(self) -> list[Network]:
        """Return all networks, by the order of their names."""
        return [self._by_name[name] for name in sorted(self._by_name)]

    def named(self, name: str) -> Network | None:
        return self._by_name.get(name)

    def get(self, ref: str) -> Network:
        """Return the network with this name, ID or beginning of an ID.

        Raises:
            NotFound: there is none. InvalidArgument: several IDs begin so. Messages are Docker's.
        """
        found = self._by_id.get(ref) or self._by_name.get(ref)
        if found is not None:
            return found
        matches = [n for i, n in self._by_id.items() if ref and i.startswith(ref)]
        if len(matches) > 1:
            raise InvalidArgument(f"network {ref} is ambiguous ({len(matches)} matches found based on ID prefix)")
        if not matches:
            raise NotFound(f"network {ref} not found")
        return matches[0]

    def reserve(self, network: Network) -> None:
        """Take the name in memory, before the record is durable. Raises Conflict."""
        if network.name in self._by_name:
            raise Conflict(f"network with name {network.name} already exists")
        self._note(network)

    def drop(self, network: Network) -> None:
        """Take the record out of memory. Idempotent."""
        self._by_id.pop(network.id, None)
        if self._by_name.get(network.name) is network:
            del self._by_name[network.name]

    async def save(self, network: Network) -> None:
        """Make the record durable."""
        await self._state.commit(Put(KIND, network.id, network.encode()))

    async def delete(self, network: Network) -> None:
        """Make it durable that the network is gone."""
        await self._state.commit(Delete(KIND, network.id))

    def _note(self, network: Network) -> None:
        self._by_id[network.id] = self._by_name[network.name] = network


def matches_prune(network: Network, filters: Mapping[str, Sequence[str]]) -> bool:
    """Say whether prune's filters (`label`, `label!`, `until`) choose a network.

    Raises:
        InvalidArgument: `until` is not a time.
    """
    if not all(_has_label(network.labels, term) for term in filters.get("label", ())):
        return False
    if any(_has_label(network.labels, term) for term in filters.get("label!", ())):
        return False
    until = filters.get("until", ())
    if len(until) > 1:
        raise InvalidArgument("more than one until filter specified")
    return not until or parse_rfc3339(network.created) < parse_moment(until[0])


def _has_label(labels: Mapping[str, str], term: str) -> bool:
    key, equals, value = term.partition("=")
    return key in labels and (not equals or labels[key] == value)
