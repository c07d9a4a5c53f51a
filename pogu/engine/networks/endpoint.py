"""A sandbox's place on one network."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface

from pogu.engine.model import EndpointSettings, Network


@dataclass(slots=True)
class Endpoint:
    """What an endpoint is, on the host and inside its sandbox, while it exists.

    `interface` is the name inside ("" on networks without one); addresses carry the prefix length of their subnet.
    """

    id: str
    sandbox_id: str
    name: str  # of the container, for messages
    network: Network
    settings: EndpointSettings
    interface: str = ""
    mac: str = ""
    ipv4: IPv4Interface | None = None
    ipv6: IPv6Interface | None = None
    gateway4: IPv4Address | None = None
    gateway6: IPv6Address | None = None
    names: list[str] = field(default_factory=list)  # that others on the network may call it by

    @property
    def gateway_rank(self) -> tuple[int, str]:
        """Sorts endpoints by who gives the default route: the highest priority, then the network's name."""
        return (-self.settings.gw_priority, self.network.name)

    def fill(self) -> EndpointSettings:
        """Write what the endpoint got into its settings, and return them."""
        s = self.settings
        s.network_id, s.endpoint_id, s.mac_address = self.network.id, self.id, self.mac
        s.ip_address = str(self.ipv4.ip) if self.ipv4 else ""
        s.ip_prefix_len = self.ipv4.network.prefixlen if self.ipv4 else 0
        s.gateway = str(self.gateway4) if self.gateway4 else ""
        s.global_ipv6_address = str(self.ipv6.ip) if self.ipv6 else ""
        s.global_ipv6_prefix_len = self.ipv6.network.prefixlen if self.ipv6 else 0
        s.ipv6_gateway = str(self.gateway6) if self.gateway6 else ""
        s.dns_names = list(self.names) or None
        return s
