"""The networks that every engine has: `bridge`, `host` and `none`, with the subnet of the first one chosen or kept."""

from __future__ import annotations

import logging
from ipaddress import IPv4Interface, IPv6Interface, ip_interface, ip_network

from pogu.engine.config import EngineConfig
from pogu.engine.model import IPAM, IPAMConfig, Network
from pogu.engine.moments import now_rfc3339
from pogu.engine.naming import new_id
from pogu.engine.networks.addresses import Subnet, overlap
from pogu.engine.networks.bridge_settings import (
    CONTAINER_GATEWAY4,
    CONTAINER_GATEWAY6,
    DEFAULT_BRIDGE,
    ENABLE_ICC,
    HOST_BINDING,
    MASQUERADE,
    MTU,
    pool_of,
)
from pogu.engine.networks.identity import BRIDGE_NAME, Identity
from pogu.engine.networks.ipam_request import check_ipam
from pogu.engine.networks.subnets import choose_ipv4, choose_ipv6, host_subnets
from pogu.errors import InvalidArgument
from pogu.linux.rtnetlink import RouteSocket

log = logging.getLogger(__name__)


def plain_network(name: str, driver: str, known: Network | None) -> Network:
    """Return the record of `host` or `none`."""
    return known or Network(
        name=name, id=new_id(), created=now_rfc3339(), driver=driver, ipam=IPAM(config=[]), options={}
    )


def default_bridge(config: EngineConfig, known: Network | None, others: list[Subnet]) -> Network:
    """Return the record of the default bridge as the settings of today want it. Blocking.

    The subnet is what the settings say; else that of an interface of this name that the administrator made; else the
    one it had; else the first free one of the default pools. The one it had is given up if the host's routes lead
    elsewhere with it, unless the bridge still stands: containers may be running on it.

    Args:
        known: the record of an earlier daemon, whose ID and subnet are kept.
        others: subnets of the engine's other networks.

    Raises:
        InvalidArgument: a setting is wrong, or no subnet is free.
    """
    network = plain_network("bridge", "bridge", None)
    if known is not None:
        network.id, network.created = known.id, known.created
    network.enable_ipv6 = config.ipv6
    network.options = {
        **config.default_network_opts.get("bridge", {}),
        DEFAULT_BRIDGE: "true",
        ENABLE_ICC: str(config.icc).lower(),
        MASQUERADE: str(config.ip_masq).lower(),
        HOST_BINDING: config.publish_address,
        BRIDGE_NAME: config.bridge,
        MTU: str(config.mtu),
    }
    avoid = [*host_subnets(except_link=config.bridge), *others]
    kept = known if known is not None and not _is_in_the_way(known, avoid, config.bridge) else None
    pools = [_ipv4_pool(config, kept, avoid)]
    if config.ipv6:
        pools.append(_ipv6_pool(config, kept, avoid))
    network.ipam = check_ipam(IPAM(config=pools))
    return network


def _ipv4_pool(config: EngineConfig, known: Network | None, avoid: list[Subnet]) -> IPAMConfig:
    own = _parse(config.bip, "bip") or _present(config)
    pool = IPAMConfig(ip_range=config.fixed_cidr)
    if own is not None:
        pool.subnet, pool.gateway = str(own.network), str(own.ip)
    elif config.fixed_cidr:
        # As with dockerd, a range alone is the whole subnet.
        pool.subnet, pool.ip_range = str(_cidr(config.fixed_cidr, "fixed-cidr")), ""
    else:
        pool.subnet = str(_subnet(known, 4) or choose_ipv4(config.default_address_pools, avoid))
    if config.default_gateway:
        pool.aux_addresses = {CONTAINER_GATEWAY4: config.default_gateway}
    return pool


def _ipv6_pool(config: EngineConfig, known: Network | None, avoid: list[Subnet]) -> IPAMConfig:
    own = _parse(config.bip6, "bip6")
    pool = IPAMConfig(ip_range=config.fixed_cidr_v6)
    if isinstance(own, IPv6Interface):
        pool.subnet, pool.gateway = str(own.network), str(own.ip)
    elif config.fixed_cidr_v6:
        pool.subnet, pool.ip_range = str(_cidr(config.fixed_cidr_v6, "fixed-cidr-v6")), ""
    else:
        pool.subnet = str(_subnet(known, 6) or choose_ipv6(Identity.of(config).digits, avoid))
    if config.default_gateway_v6:
        pool.aux_addresses = {CONTAINER_GATEWAY6: config.default_gateway_v6}
    return pool


def _subnet(known: Network | None, version: int) -> Subnet | None:
    pool = pool_of(known, version) if known is not None else None
    return ip_network(pool.subnet or "") if pool is not None else None


def _is_in_the_way(known: Network, avoid: list[Subnet], bridge: str) -> bool:
    """Say whether the subnets of an earlier daemon must be given up, and report where they overlap others."""
    with RouteSocket() as sock:
        stands = sock.link(bridge) is not None
    conflicts = [
        (subnet, other)
        for version in (4, 6)
        if (subnet := _subnet(known, version)) is not None
        for other in avoid
        if overlap(subnet, other)
    ]
    for subnet, other in conflicts:
        consequence = "kept, since the bridge stands" if stands else "replaced by another"
        log.warning("subnet %s of the default bridge overlaps %s of this host: %s", subnet, other, consequence)
    return bool(conflicts) and not stands


def _present(config: EngineConfig) -> IPv4Interface | None:
    """Return the address of an interface of this name that somebody else made and addressed."""
    with RouteSocket() as sock:
        link = sock.link(config.bridge)
        if link is None or link.alias.startswith(Identity.of(config).alias_prefix):
            return None
        found = sock.addresses(link.index)
    return next((a for a in found if isinstance(a, IPv4Interface)), None)


def _parse(text: str, what: str) -> IPv4Interface | IPv6Interface | None:
    if not text:
        return None
    try:
        if "/" not in text:
            raise ValueError
        return ip_interface(text)
    except ValueError:
        raise InvalidArgument(f"invalid {what} {text}: invalid CIDR address") from None


def _cidr(text: str, what: str) -> Subnet:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise InvalidArgument(f"invalid {what} {text}: invalid CIDR address") from None
