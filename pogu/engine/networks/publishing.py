"""Published ports of one sandbox: host ports claimed, translated by the firewall, and forwarded where it cannot."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from pogu.engine.model import PortBinding
from pogu.engine.networks.bridge_settings import bridge_settings
from pogu.engine.networks.endpoint import Endpoint
from pogu.engine.networks.firewall import PortMapping
from pogu.engine.networks.forwarder import Forwarder
from pogu.engine.networks.port_claims import Address, Claim, PortClaims
from pogu.engine.networks.ports import ContainerPort, WantedBinding, parse_bindings, parse_container_ports
from pogu.errors import PoguError

log = logging.getLogger(__name__)

_IF_INET6 = Path("/proc/thread-self/net/if_inet6")
_ANY4, _ANY6 = IPv4Address("0.0.0.0"), IPv6Address("::")  # noqa: S104 # what -p without an address means


@dataclass(slots=True)
class PublishedPort:
    """One host port and where it leads."""

    port: ContainerPort
    claim: Claim
    forwarder: Forwarder | None = None

    def mapping(self, endpoint: Endpoint) -> PortMapping | None:
        """Return the translation to the endpoint, None where it has no address of the claim's family."""
        own = endpoint.ipv4 if self.claim.address.version == 4 else endpoint.ipv6
        if own is None:
            return None
        return PortMapping(self.port.protocol, self.claim.address, self.claim.port, own.ip, self.port.number)


@dataclass(slots=True)
class Publication:
    """All published ports of a sandbox; `exposed` are shown without a host port."""

    ports: list[PublishedPort] = field(default_factory=list)
    exposed: list[ContainerPort] = field(default_factory=list)

    def shown(self) -> dict[str, list[PortBinding] | None]:
        """Return `NetworkSettings.Ports`."""
        result: dict[str, list[PortBinding] | None] = {str(p): None for p in self.exposed}
        for published in sorted(self.ports, key=lambda p: p.port):
            bindings = result.get(str(published.port)) or []
            claim = published.claim
            bindings.append(PortBinding(host_ip=str(claim.address), host_port=str(claim.port)))
            result[str(published.port)] = bindings
        return result

    def mappings(self, endpoint: Endpoint) -> list[PortMapping]:
        return [m for p in self.ports if (m := p.mapping(endpoint)) is not None]

    def aim(self, endpoint: Endpoint | None) -> None:
        """Let every TCP socket that the translation does not cover forward to the endpoint (or refuse, without one)."""
        for published in self.ports:
            if published.forwarder is not None:
                published.forwarder.aim(_target(published, endpoint))

    def release(self, claims: PortClaims) -> None:
        """Give all ports back. Idempotent."""
        for published in self.ports:
            if published.forwarder is not None:
                published.forwarder.close()
                published.forwarder = None
            claims.release(published.claim)
        self.ports = []


def publish(
    claims: PortClaims,
    endpoint: Endpoint,
    *,
    ports: Mapping[str, Sequence[PortBinding] | None],
    exposed: Iterable[str],
    publish_all: bool,
    default_address: str,
) -> Publication:
    """Claim the host ports that are wanted for a container on `endpoint`; nothing is claimed if one is not to be had.

    Raises:
        Conflict: a port is taken (Docker's message). InvalidArgument: a port or address is wrong.
    """
    wanted = parse_bindings(ports)
    also = sorted({p for text in exposed for p in parse_container_ports(text)})
    bound = {w.port for w in wanted}
    if publish_all:
        wanted += [WantedBinding(p, None, range(0)) for p in also if p not in bound]
    publication = Publication(exposed=also)
    try:
        for wish in wanted:
            addresses = _addresses(wish, endpoint, default_address)
            target = f"{endpoint.ipv4.ip if endpoint.ipv4 else ''}:{wish.port}"
            for claim in claims.claim(wish.port.protocol, addresses, wish.ports, target):
                publication.ports.append(PublishedPort(wish.port, claim))
    except PoguError as e:
        publication.release(claims)
        raise type(e)(
            f"driver failed programming external connectivity on endpoint {endpoint.name} ({endpoint.id}): {e.message}"
        ) from e
    _forward(publication, endpoint)
    return publication


def republish(
    claims: PortClaims, endpoint: Endpoint, published: Mapping[str, Sequence[PortBinding] | None]
) -> Publication:
    """Claim again the ports that a container had before the daemon was restarted.

    A port that another program has taken meanwhile stays translated, and is reported.
    """
    publication = Publication()
    for text, bindings in published.items():
        for port in parse_container_ports(text):
            publication.exposed.append(port)
            for wish in parse_bindings({str(port): bindings}) if bindings else []:
                address = wish.address or _ANY4
                try:
                    (claim,) = claims.claim(port.protocol, [address], wish.ports, str(port))
                except PoguError as e:
                    log.warning("port %s of %s: %s", port, endpoint.name, e)
                    claim = Claim(port.protocol, address, wish.ports[0] if wish.ports else 0, released=True)
                if claim.port:
                    publication.ports.append(PublishedPort(port, claim))
    _forward(publication, endpoint)
    return publication


def _addresses(wish: WantedBinding, endpoint: Endpoint, default_address: str) -> list[Address]:
    if wish.address is not None:
        return [wish.address]
    chosen: Address = bridge_settings(endpoint.network).host_binding or ip_address(default_address)
    if chosen == _ANY4 and _IF_INET6.exists():
        return [_ANY4, _ANY6]
    return [chosen]


def _forward(publication: Publication, endpoint: Endpoint) -> None:
    for published in publication.ports:
        sock = published.claim.socket
        if sock is not None and published.port.protocol == "tcp":
            published.forwarder = Forwarder(sock)
            published.forwarder.aim(_target(published, endpoint))


def _target(published: PublishedPort, endpoint: Endpoint | None) -> tuple[str, int] | None:
    """IPv4 is where containers always have an address: an IPv6 client of this host is served through it."""
    if endpoint is None:
        return None
    own = endpoint.ipv4 or endpoint.ipv6
    return (str(own.ip), published.port.number) if own else None
