"""The options of a bridge network, read once into typed form."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_network,
)

from pogu.engine.model import IPAMConfig, Network
from pogu.engine.networks.firewall import BridgeRules
from pogu.engine.networks.identity import BRIDGE_NAME, bridge_name, mac_for
from pogu.errors import InvalidArgument

DEFAULT_BRIDGE = "com.docker.network.bridge.default_bridge"
ENABLE_ICC = "com.docker.network.bridge.enable_icc"
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
HOST_BINDING = "com.docker.network.bridge.host_binding_ipv4"
MTU = "com.docker.network.driver.mtu"
INTERFACE_PREFIX = "com.docker.network.container_iface_prefix"
INTERFACE_NAME = "com.docker.network.endpoint.ifname"  # an option of an endpoint, not of a network
# Auxiliary addresses that containers use as their gateways instead of the bridge's.
CONTAINER_GATEWAY4, CONTAINER_GATEWAY6 = "DefaultGatewayIPv4", "DefaultGatewayIPv6"

_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))  # strconv.ParseBool of Go
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
_MINIMUM_MTU, _MAXIMUM_MTU = 68, 65535  # RFC 791; ETH_MAX_MTU
_MAXIMUM_NAME = 15
_NOT_IN_A_NAME = frozenset('/: \t\n\v\f\r"')


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """A bridge network as the driver needs it."""

    name: str
    mtu: int
    icc: bool
    masquerade: bool
    internal: bool
    interface_prefix: str
    ipv4: IPv4Interface | None  # of the bridge
    ipv6: IPv6Interface | None
    gateway4: IPv4Address | None  # of containers
    gateway6: IPv6Address | None
    host_binding: IPv4Address | None

    @property
    def mac(self) -> str:
        """The bridge's own MAC address, from its first address."""
        own = self.ipv4 or self.ipv6
        return mac_for(own.ip) if own else mac_for(IPv4Address(0))

    def rules(self) -> BridgeRules:
        return BridgeRules(
            name=self.name,
            ipv4=self.ipv4.network if self.ipv4 else None,
            ipv6=self.ipv6.network if self.ipv6 else None,
            masquerade=self.masquerade,
            icc=self.icc,
            internal=self.internal,
        )


def bridge_settings(network: Network) -> BridgeSettings:
    """Read a network's options and pools.

    Raises:
        InvalidArgument: an option has a value of the wrong form.
    """
    options = network.options
    ipv4, gateway4 = _ipv4(network)
    ipv6, gateway6 = _ipv6(network)
    return BridgeSettings(
        name=_name(network),
        mtu=_mtu(options.get(MTU, "")),
        icc=_flag(options, ENABLE_ICC),
        masquerade=_flag(options, MASQUERADE),
        internal=network.internal,
        interface_prefix=_prefix(options),
        ipv4=ipv4,
        ipv6=ipv6,
        gateway4=None if network.internal else gateway4,
        gateway6=None if network.internal else gateway6,
        host_binding=_binding(options.get(HOST_BINDING, "")),
    )


def pool_of(network: Network, version: int) -> IPAMConfig | None:
    """Return the network's address pool of IPv4 or IPv6."""
    for pool in network.ipam.config or []:
        if pool.subnet and ip_network(pool.subnet, strict=False).version == version:
            return pool
    return None


def is_interface_name(name: str) -> bool:
    """Say whether the kernel lets an interface have this name (net/core/dev.c, dev_valid_name), and nft quote it."""
    return 0 < len(name.encode()) <= _MAXIMUM_NAME and name not in (".", "..") and not _NOT_IN_A_NAME & set(name)


def _name(network: Network) -> str:
    name = bridge_name(network)
    if not is_interface_name(name):
        raise InvalidArgument(f"invalid value for {BRIDGE_NAME}: {name!r} is not an interface name")
    return name


def _prefix(options: dict[str, str]) -> str:
    prefix = options.get(INTERFACE_PREFIX) or "eth"
    if not is_interface_name(f"{prefix}999"):
        raise InvalidArgument(f"invalid value for {INTERFACE_PREFIX}: {prefix!r} does not begin an interface name")
    return prefix


def _mtu(text: str) -> int:
    if not text:
        return 1500
    if not text.isascii() or not text.isdigit():
        raise InvalidArgument(f"failed to parse {MTU} value: {text} (not a number)")
    if int(text) != 0 and not _MINIMUM_MTU <= int(text) <= _MAXIMUM_MTU:
        raise InvalidArgument(f"invalid MTU number: {text}")
    return int(text) or 1500


def _flag(options: dict[str, str], key: str) -> bool:
    text = options.get(key)
    if text is None or text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise InvalidArgument(f"failed to parse {key} value: {text} (invalid syntax)")


def _binding(text: str) -> IPv4Address | None:
    if not text:
        return None
    try:
        return IPv4Address(text)
    except ValueError:
        raise InvalidArgument(f"failed to parse {HOST_BINDING} value: {text} (invalid ip)") from None


def _ipv4(network: Network) -> tuple[IPv4Interface | None, IPv4Address | None]:
    pool = pool_of(network, 4)
    if pool is None or not pool.gateway or not network.enable_ipv4:
        return None, None
    own = IPv4Interface(f"{pool.gateway}/{IPv4Network(pool.subnet or '').prefixlen}")
    other = (pool.aux_addresses or {}).get(CONTAINER_GATEWAY4)
    return own, IPv4Address(other) if other else own.ip


def _ipv6(network: Network) -> tuple[IPv6Interface | None, IPv6Address | None]:
    pool = pool_of(network, 6)
    if pool is None or not pool.gateway or not network.enable_ipv6:
        return None, None
    own = IPv6Interface(f"{pool.gateway}/{IPv6Network(pool.subnet or '').prefixlen}")
    other = (pool.aux_addresses or {}).get(CONTAINER_GATEWAY6)
    return own, IPv6Address(other) if other else own.ip
