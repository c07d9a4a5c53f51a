"""Checking the address configuration that people give for a new network, and filling what they left out."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from pogu.engine.model import IPAM, IPAMConfig
from pogu.engine.networks.addresses import Address, AddressPool, Subnet
from pogu.errors import Forbidden, InvalidArgument, NotFound


def check_ipam(ipam: IPAM) -> IPAM:
    """Return a copy of `ipam` in which each pool has its gateway.

    Raises:
        InvalidArgument: anything is malformed; all that is wrong is listed, in Docker's words.
        Forbidden: more than one subnet of a family. NotFound: an unknown IPAM driver.
    """
    driver = ipam.driver or "default"
    if driver not in ("default", "null"):
        raise NotFound(f'plugin "{driver}" not found')
    problems: list[str] = []
    pools = [_checked(c, problems) for c in ipam.config or [] if _says_anything(c)]
    if problems:
        raise InvalidArgument("invalid network config:\n" + "\n".join(problems))
    kept = [p for p in pools if p is not None]
    versions = [ip_network(p.subnet or "").version for p in kept]
    if len(versions) != len(set(versions)):
        raise Forbidden("bridge driver doesn't support multiple subnets")
    return IPAM(driver=driver, options=ipam.options, config=kept)


def with_gateway(pool: IPAMConfig) -> IPAMConfig:
    """Return the pool with a gateway: the lowest address that is not reserved, unless it has one."""
    if not pool.gateway:
        reserved = [ip_address(a) for a in (pool.aux_addresses or {}).values()]
        pool.gateway = str(AddressPool(ip_network(pool.subnet or ""), None, reserved).take())
    return pool


def _says_anything(config: IPAMConfig) -> bool:
    return bool(config.subnet or config.ip_range or config.gateway or config.aux_addresses)


def _checked(config: IPAMConfig, problems: list[str]) -> IPAMConfig | None:
    text = config.subnet or ""
    try:
        subnet = ip_network(text, strict=False)
        if "/" not in text:
            raise ValueError
    except ValueError:
        problems.append(f"invalid subnet {text}: invalid CIDR block notation")
        return None
    before = len(problems)
    if ip_address(text.partition("/")[0]) != subnet.network_address:
        problems.append(f"invalid subnet {text}: it should be {subnet}")
    if config.ip_range:
        _check_range(config.ip_range, subnet, problems)
    if config.gateway:
        _check_address("gateway", config.gateway, config.gateway, subnet, problems)
    for name, address in (config.aux_addresses or {}).items():
        _check_address("auxiliary address", name, address, subnet, problems)
    if len(problems) > before:
        return None
    return with_gateway(
        IPAMConfig(
            subnet=str(subnet),
            ip_range=config.ip_range or "",
            gateway=config.gateway or "",
            aux_addresses=dict(config.aux_addresses) if config.aux_addresses else None,
        )
    )


def _check_range(text: str, subnet: Subnet, problems: list[str]) -> None:
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        problems.append(f"invalid ip-range {text}: invalid CIDR block notation")
        return
    if found.version != subnet.version:
        problems.append(f"invalid ip-range {text}: parent subnet is an IPv{subnet.version} block")
        return
    if found.prefixlen < subnet.prefixlen:
        problems.append(f"invalid ip-range {text}: CIDR block is bigger than its parent subnet {subnet}")
    if ip_address(text.partition("/")[0]) != found.network_address:
        problems.append(f"invalid ip-range {text}: it should be {found}")
    if found.network_address not in subnet:
        problems.append(f"invalid ip-range {text}: parent subnet {subnet} doesn't contain ip-range")


def _check_address(what: str, name: str, text: str, subnet: Subnet, problems: list[str]) -> None:
    try:
        address: Address = ip_address(text)
    except ValueError:
        problems.append(f"invalid {what} {name}: invalid address")
        return
    if address.version != subnet.version:
        problems.append(f"invalid {what} {name}: parent subnet is an IPv{subnet.version} block")
    elif address not in subnet:
        problems.append(f"invalid {what} {name}: parent subnet {subnet} doesn't contain this address")
