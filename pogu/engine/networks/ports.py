"""Ports as people write them: `80/tcp`, host ports and ranges `8000-8010`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from pogu.engine.model import PortBinding
from pogu.errors import InvalidArgument

PROTOCOLS = ("tcp", "udp", "sctp")
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class ContainerPort:
    """A port inside a container."""

    number: int
    protocol: str

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


@dataclass(frozen=True, slots=True)
class WantedBinding:
    """One wish for a host port. `address` None is every address; `ports` empty is any free one."""

    port: ContainerPort
    address: IPv4Address | IPv6Address | None
    ports: range


def parse_range(text: str) -> range:
    """Return the ports that `80` or `8000-8010` names.

    Raises:
        InvalidArgument: it is not a number or a range within 0 to 65535.
    """
    match = _PORT.fullmatch(text)
    if match:
        first, last = int(match[1]), int(match[2] or match[1])
        if first <= last <= 65535:
            return range(first, last + 1)
    raise InvalidArgument(f"invalid port specification: {text!r}".replace("'", '"'))


def parse_container_ports(text: str) -> list[ContainerPort]:
    """Return the ports that `80`, `80/tcp` or `8000-8010/udp` names.

    Raises:
        InvalidArgument: it is no port, or an unknown protocol.
    """
    numbers, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if protocol not in PROTOCOLS:
        raise InvalidArgument(f"invalid proto: {protocol}")
    return [ContainerPort(n, protocol) for n in parse_range(numbers)]


def parse_bindings(ports: Mapping[str, Sequence[PortBinding] | None]) -> list[WantedBinding]:
    """Return the wishes of a `PortBindings` map, in the order of the container's ports.

    A port with an empty list asks for any free host port, as `-p 80` does.

    Raises:
        InvalidArgument: a port, address or protocol is wrong.
    """
    wanted: list[WantedBinding] = []
    for text, bindings in ports.items():
        for port in parse_container_ports(text):
            wanted += [_wanted(port, b) for b in bindings or [PortBinding()]]
    return sorted(wanted, key=lambda w: w.port)


def _wanted(port: ContainerPort, binding: PortBinding) -> WantedBinding:
    host_port = binding.host_port or ""
    numbers = parse_range(host_port) if host_port else range(0)
    if numbers == range(1):  # port 0 is any free one, as for bind(2)
        numbers = range(0)
    try:
        address = ip_address(binding.host_ip) if binding.host_ip else None
    except ValueError:
        raise InvalidArgument(f"invalid IP address: {binding.host_ip}") from None
    return WantedBinding(port, address, numbers)
