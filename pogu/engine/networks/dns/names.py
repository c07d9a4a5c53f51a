"""Who is called what on which network."""

from __future__ import annotations

import random
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address

from pogu.engine.networks.endpoint import Endpoint

Address = IPv4Address | IPv6Address


class Names:
    """The names of all endpoints on user-defined networks. Names are compared without regard to case."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], list[Endpoint]] = {}  # (network ID, name)
        self._by_address: dict[tuple[str, Address], Endpoint] = {}

    def add(self, endpoint: Endpoint) -> None:
        """Let an endpoint be found by its names and addresses. Idempotent."""
        network = endpoint.network.id
        for name in endpoint.names:
            found = self._by_name.setdefault((network, name.lower()), [])
            if endpoint not in found:
                found.append(endpoint)
        for address in _addresses([endpoint]):
            self._by_address[network, address] = endpoint

    def remove(self, endpoint: Endpoint) -> None:
        """Forget an endpoint. Idempotent."""
        network = endpoint.network.id
        for name in endpoint.names:
            found = self._by_name.get((network, name.lower()), [])
            if endpoint in found:
                found.remove(endpoint)
            if not found:
                self._by_name.pop((network, name.lower()), None)
        for address in _addresses([endpoint]):
            if self._by_address.get((network, address)) is endpoint:
                del self._by_address[network, address]

    def resolve(self, name: str, asker: Iterable[Endpoint]) -> list[Address] | None:
        """Return the addresses of a name for a sandbox with the endpoints `asker`; None if nobody is called so.

        `web` is looked for on each of its networks, `web.backend` on the network `backend`. A legacy link of the
        asker's own (`db:database`) comes first. Several endpoints of one name are returned in random order.
        """
        name = name.lower()
        for own in asker:
            found = self._on_network(name, own)
            if found:
                addresses = _addresses(found)
                random.shuffle(addresses)
                return addresses
        return None

    def _on_network(self, name: str, own: Endpoint) -> list[Endpoint]:
        network = own.network
        for link in own.settings.links or []:
            target, _, alias = link.partition(":")
            if (alias or target).lower() == name:
                return self._by_name.get((network.id, target.lstrip("/").lower()), [])
        found = self._by_name.get((network.id, name))
        if not found and name.endswith(f".{network.name.lower()}"):
            found = self._by_name.get((network.id, name[: -len(network.name) - 1]))
        return found or []

    def reverse(self, address: Address, asker: Iterable[Endpoint]) -> str | None:
        """Return `name.network` of the endpoint with an address on one of the asker's networks."""
        for own in asker:
            found = self._by_address.get((own.network.id, address))
            if found is not None and found.names:
                return f"{found.names[0]}.{own.network.name}"
        return None


def _addresses(endpoints: Iterable[Endpoint]) -> list[Address]:
    return [a.ip for e in endpoints for a in (e.ipv4, e.ipv6) if a is not None]
