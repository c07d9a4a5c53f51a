"""Networks and a container's endpoints on them."""

from __future__ import annotations

import msgspec

from pogu.engine.model.base import Record


class IPAMConfig(Record):
    """One address pool, in CIDR notation."""

    subnet: str | None = ""
    ip_range: str | None = ""
    gateway: str | None = ""
    aux_addresses: dict[str, str] | None = msgspec.field(default=None, name="AuxiliaryAddresses")


class IPAM(Record):
    driver: str | None = "default"
    options: dict[str, str] | None = None
    config: list[IPAMConfig] | None = None


class Network(Record):
    """A network of this machine. `created` is RFC 3339 with nanoseconds."""

    name: str
    id: str
    created: str
    scope: str = "local"
    driver: str = "bridge"
    enable_ipv4: bool = True
    enable_ipv6: bool = False
    ipam: IPAM = msgspec.field(default_factory=IPAM, name="IPAM")
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    options: dict[str, str] = {}
    labels: dict[str, str] = {}
    config_only: bool = False
    config_from: str = ""  # the name of the configuration-only network that it has its settings from
    chosen_subnets: list[int] = []  # IP versions whose subnet the engine chose: nobody may ask for an address in it


class EndpointIPAM(Record):
    """Addresses a user asked for."""

    ipv4_address: str | None = None
    ipv6_address: str | None = None
    link_local_ips: list[str] | None = None


class EndpointSettings(Record):
    """What a user asked of an endpoint, and what the endpoint got (empty while the container is not running)."""

    ipam_config: EndpointIPAM | None = None
    links: list[str] | None = None
    aliases: list[str] | None = None
    mac_address: str | None = ""
    driver_opts: dict[str, str] | None = None
    gw_priority: int = 0
    network_id: str | None = ""
    endpoint_id: str | None = ""
    gateway: str | None = ""
    ip_address: str | None = ""
    ip_prefix_len: int = 0
    ipv6_gateway: str | None = ""
    global_ipv6_address: str | None = ""
    global_ipv6_prefix_len: int = 0
    dns_names: list[str] | None = None


class NetworkingConfig(Record):
    """The `NetworkingConfig` of a create request."""

    endpoints_config: dict[str, EndpointSettings | None] | None = None
