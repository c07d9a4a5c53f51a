"""What dockerd refuses of the settings of an endpoint, in its words."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from pogu.engine.model import EndpointSettings, Network
from pogu.errors import Forbidden, InvalidArgument

_BUILT_IN = ("bridge", "host", "none")


def is_user_defined(network: Network) -> bool:
    return network.name not in _BUILT_IN


def check_settings(network: Network, settings: EndpointSettings) -> None:
    """Raise InvalidArgument for addresses and aliases that the network cannot give, Forbidden where nobody may join."""
    if network.config_only:
        raise Forbidden("cannot create endpoint on configuration-only network")
    ipam = settings.ipam_config
    asked = [(4, ipam.ipv4_address), (6, ipam.ipv6_address)] if ipam else []
    asked = [(version, text) for version, text in asked if text]
    if is_user_defined(network):
        problems = [problem for version, text in asked if (problem := _out_of_range(network, version, text or ""))]
    else:
        problems = ["user-specified IP address is supported on user-defined networks only"] if asked else []
        if settings.aliases:
            problems.append("network-scoped aliases are only supported for user-defined networks")
    if problems:
        raise InvalidArgument("invalid endpoint settings:\n" + "\n".join(problems))


def _out_of_range(network: Network, version: int, asked: str) -> str:
    """Return what is wrong with an address on a network, "" if nothing."""
    try:
        address = ip_address(asked)
    except ValueError:
        return f"invalid IPv{version} address: {asked}"
    subnets = [s for c in network.ipam.config or () if c.subnet and (s := ip_network(c.subnet)).version == version]
    if version in network.chosen_subnets or not subnets:
        return "user specified IP address is supported only when connecting to networks with user configured subnets"
    if any(address in subnet for subnet in subnets):
        return ""
    return f"no configured subnet or ip-range contain the IP address {asked}"
