"""The addresses of one subnet: given out lowest first, each to one endpoint at a time."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from pogu.errors import Forbidden, InvalidArgument, Unavailable

Address = IPv4Address | IPv6Address
Subnet = IPv4Network | IPv6Network


class AddressPool:
    """Free and taken addresses of a subnet, in memory.

    `ip_range` confines the addresses that are chosen here; an address asked for by name may be anywhere in the subnet.
    The network address and (IPv4) the broadcast address are never given out, except in subnets of one or two.
    """

    def __init__(self, subnet: Subnet, ip_range: Subnet | None = None, reserved: Iterable[Address] = ()) -> None:
        self.subnet = subnet
        first, last = int(subnet[0]), int(subnet[-1])
        if subnet.num_addresses > 2:
            first += 1
            last -= int(subnet.version == 4)
        chosen = ip_range or subnet
        self._low = max(first, int(chosen[0]))
        self._high = min(last, int(chosen[-1]))
        self._first, self._last = first, last
        self._reserved = {int(a) for a in reserved}
        self._taken = set(self._reserved)
        self._next = self._low  # no lower address is free

    def take(self) -> Address:
        """Return the lowest free address.

        Raises:
            Unavailable: there is none; the message is Docker's for the pool alone.
        """
        candidate = self._next
        while candidate in self._taken:
            candidate += 1
        if candidate > self._high:
            raise Unavailable("no available addresses on this pool")
        self._taken.add(candidate)
        self._next = candidate + 1
        return self.subnet[candidate - int(self.subnet[0])]

    def claim(self, address: Address) -> None:
        """Take one particular address.

        Raises:
            InvalidArgument: it is not in the subnet, or is the network's or the broadcast address.
            Forbidden: someone has it.
        """
        if address not in self.subnet or not self._first <= int(address) <= self._last:
            raise InvalidArgument(f"invalid address {address}: It does not belong to any of this network's subnets")
        if int(address) in self._taken:
            raise Forbidden("Address already in use")
        self._taken.add(int(address))

    def given(self) -> set[Address]:
        """Return the addresses that were taken and not given back, without the reserved ones."""
        return {self.subnet[number - int(self.subnet[0])] for number in self._taken - self._reserved}

    def release(self, address: Address) -> None:
        """Give an address back. Idempotent."""
        self._taken.discard(int(address))
        if self._low <= int(address) < self._next:
            self._next = int(address)


def parse_subnet(text: str) -> Subnet:
    """Return the subnet that CIDR text names.

    Raises:
        InvalidArgument: it is not a CIDR block.
    """
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise InvalidArgument(f"invalid subnet {text}: invalid CIDR block notation") from None


def overlap(one: Subnet, other: Subnet) -> bool:
    """Say whether two subnets share an address; those of different families do not."""
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.overlaps(other)
    return isinstance(other, IPv6Network) and one.overlaps(other)
