"""The address pools of all networks of one engine, in memory; rebuilt at start from the records."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_address, ip_interface

from pogu.engine.model import EndpointIPAM, IPAMConfig, Network
from pogu.engine.networks.addresses import Address, AddressPool, Subnet, overlap, parse_subnet
from pogu.engine.networks.bridge_settings import pool_of
from pogu.engine.networks.endpoint import Endpoint
from pogu.errors import Forbidden, InvalidArgument, PoguError, Unavailable


class AddressPools:
    """Which network has which subnets, and who has which address in them."""

    def __init__(self) -> None:
        self._pools: dict[tuple[str, int], AddressPool] = {}  # (network ID, IP version)

    def subnets(self) -> list[Subnet]:
        return [p.subnet for p in self._pools.values()]

    def given(self) -> list[tuple[str, Address]]:
        """Return (network ID, address) of all that is taken."""
        return [(owner, address) for (owner, _), pool in self._pools.items() for address in pool.given()]

    def free(self, network_id: str, address: Address) -> None:
        """Take back an address that no endpoint has."""
        pool = self._pools.get((network_id, address.version))
        if pool is not None:
            pool.release(address)

    def open(self, network: Network) -> None:
        """Take the network's subnets into use. Idempotent.

        Raises:
            Forbidden: one overlaps another network's (Docker's message); nothing is taken then.
        """
        opened = [
            ((network.id, version), _pool(config))
            for version in _versions(network)
            if (config := pool_of(network, version)) is not None
        ]
        others = [p.subnet for (owner, _), p in self._pools.items() if owner != network.id]
        for _, pool in opened:
            if any(overlap(pool.subnet, other) for other in others):
                raise Forbidden("invalid pool request: Pool overlaps with other one on this address space")
        for key, pool in opened:
            self._pools.setdefault(key, pool)

    def close(self, network_id: str) -> None:
        """Give the network's subnets back. Idempotent."""
        for version in (4, 6):
            self._pools.pop((network_id, version), None)

    def assign(self, endpoint: Endpoint, wanted: EndpointIPAM | None) -> None:
        """Give an endpoint its addresses: those asked for, else free ones; all or none.

        Raises:
            InvalidArgument: an address asked for is not in the network. Forbidden: someone has it.
            Unavailable: the pool is exhausted.
        """
        network = endpoint.network
        wanted = wanted or EndpointIPAM()
        try:
            if network.enable_ipv4:
                endpoint.ipv4 = self._assign4(network, wanted.ipv4_address or "")
            if network.enable_ipv6:
                endpoint.ipv6 = self._assign6(network, wanted.ipv6_address or "")
        except PoguError:
            self.release(endpoint)
            raise

    def adopt(self, endpoint: Endpoint) -> None:
        """Note the addresses of an endpoint that lives on from an earlier daemon."""
        for address in (endpoint.ipv4, endpoint.ipv6):
            pool = self._pools.get((endpoint.network.id, address.version)) if address else None
            if pool is not None and address is not None:
                try:
                    pool.claim(address.ip)
                except (Forbidden, InvalidArgument):  # noted before, or a subnet of former settings
                    continue

    def release(self, endpoint: Endpoint) -> None:
        """Take back an endpoint's addresses. Idempotent."""
        for address in (endpoint.ipv4, endpoint.ipv6):
            if address is not None:
                pool = self._pools.get((endpoint.network.id, address.version))
                if pool is not None:
                    pool.release(address.ip)
        endpoint.ipv4 = endpoint.ipv6 = None

    def _assign4(self, network: Network, wanted: str) -> IPv4Interface | None:
        address = self._take(network, 4, wanted)
        return address if isinstance(address, IPv4Interface) else None

    def _assign6(self, network: Network, wanted: str) -> IPv6Interface | None:
        address = self._take(network, 6, wanted)
        return address if isinstance(address, IPv6Interface) else None

    def _take(self, network: Network, version: int, wanted: str) -> IPv4Interface | IPv6Interface | None:
        pool = self._pools.get((network.id, version))
        if pool is None:
            return None
        if wanted:
            address = _address(wanted, version)
            pool.claim(address)
        else:
            try:
                address = pool.take()
            except Unavailable as e:
                where = f"{network.name} ({network.id})"
                raise Unavailable(
                    f"no available IPv{version} addresses on this network's address pools: {where}"
                ) from e
        return ip_interface(f"{address}/{pool.subnet.prefixlen}")


def _versions(network: Network) -> Iterable[int]:
    return [v for v, enabled in ((4, network.enable_ipv4), (6, network.enable_ipv6)) if enabled]


def _address(text: str, version: int) -> IPv4Address | IPv6Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise InvalidArgument(f"invalid IPv{version} address: {text}") from None
    if address.version != version:
        raise InvalidArgument(f"invalid IPv{version} address: {text}")
    return address


def _pool(config: IPAMConfig) -> AddressPool:
    reserved: list[Address] = [ip_address(a.partition("/")[0]) for a in (config.aux_addresses or {}).values()]
    if config.gateway:
        reserved.append(ip_address(config.gateway.partition("/")[0]))
    ip_range = parse_subnet(config.ip_range) if config.ip_range else None
    return AddressPool(parse_subnet(config.subnet or ""), ip_range, reserved)
