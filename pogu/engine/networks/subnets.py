"""Choosing a subnet for a new network: the first of the default pools that nothing else on the host uses."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Network, IPv6Network, ip_interface, ip_network
from pathlib import Path

from pogu.engine.networks.addresses import Subnet
from pogu.errors import InvalidArgument
from pogu.linux.rtnetlink import RouteSocket

_LOCK_DIRECTORIES = (Path("/run/lock"), Path("/run"))
_LOCK_NAME = "pogu-subnets.lock"


def choose_ipv4(pools: Sequence[tuple[str, int]], avoid: Iterable[Subnet]) -> IPv4Network:
    """Return the first subnet of the pools that overlaps none of `avoid`.

    A pool is (CIDR, size): subnets of that prefix length from the given address to the end of the block, so
    ("172.17.0.0/12", 16) starts at 172.17.0.0/16 and ends with 172.31.0.0/16.

    Raises:
        InvalidArgument: all are taken; the message is Docker's.
    """
    taken = [s for s in avoid if isinstance(s, IPv4Network)]
    for pool, size in pools:
        for subnet in _subnets(pool, size):
            if not any(subnet.overlaps(t) for t in taken):
                return subnet
    raise InvalidArgument(
        "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"
    )


def _subnets(pool: str, size: int) -> Iterator[IPv4Network]:
    base = ip_interface(pool)
    if not isinstance(base.network, IPv4Network):
        return
    step = 1 << (32 - size)
    start = int(base.ip) & ~(step - 1)
    for number in range(start, int(base.network.broadcast_address) + 1, step):
        yield IPv4Network((number, size))


def choose_ipv6(seed: str, avoid: Iterable[Subnet]) -> IPv6Network:
    """Return a /64 of a unique local /48 (RFC 4193) that is derived from `seed` and overlaps none of `avoid`.

    Raises:
        InvalidArgument: all 65,536 are taken.
    """
    taken = [s for s in avoid if isinstance(s, IPv6Network)]
    prefix = b"\xfd" + hashlib.sha256(seed.encode()).digest()[:5]
    for number in range(1 << 16):
        subnet = IPv6Network((prefix + number.to_bytes(2, "big") + bytes(8), 64))
        if not any(subnet.overlaps(t) for t in taken):
            return subnet
    raise InvalidArgument(
        "could not find an available, non-overlapping IPv6 address pool among the defaults to assign to the network"
    )


def host_subnets(except_link: str = "") -> list[Subnet]:
    """Return what a new subnet must not hide: destinations of the host's routes, its addresses and its name servers.

    Blocking. Default routes are left out, and optionally what belongs to one interface. A lone address (/32) has no
    route of its own, and name servers may be behind the default route.
    """
    with RouteSocket() as sock:
        ignored = sock.link(except_link) if except_link else None
        index = ignored.index if ignored else 0
        found = [r.destination for r in sock.routes() if r.destination.prefixlen > 0 and r.link_index != index]
        for owner, addresses in sock.all_addresses().items():
            if owner != index:
                found += [ip_network(a.ip) for a in addresses]
    return found + _nameservers()


def _nameservers(path: Path = Path("/etc/resolv.conf")) -> list[Subnet]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return []
    found: list[Subnet] = []
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                found.append(ip_network(words[1].partition("%")[0]))
            except ValueError:
                continue
    return found


@contextmanager
def subnet_lock() -> Iterator[None]:
    """Hold the host-wide lock under which subnets are chosen and put on a bridge. Blocking.

    Two engines that start together would otherwise both find the same subnet free.
    """
    directory = next((d for d in _LOCK_DIRECTORIES if d.is_dir()), Path("/tmp"))  # noqa: S108 # only a lock
    fd = os.open(directory / _LOCK_NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
