"""Ports as people write them: `80`, `80/tcp`, `8000-8010/udp`."""

from __future__ import annotations

import re

from pogu.engine.model import HostConfig
from pogu.errors import InvalidArgument

_PORT = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
PROTOCOLS = ("tcp", "udp", "sctp")


def parse_port_range(text: str) -> tuple[int, int]:
    """Return the first and last port of `8000` or `8000-8010`.

    Raises:
        InvalidArgument: it is neither, beyond 65535, or ends before it begins.
    """
    m = _PORT.fullmatch(text)
    if not m:
        raise InvalidArgument(f'invalid port specification: "{text}"')
    first, last = int(m[1]), int(m[2] or m[1])
    if not 0 <= first <= last <= 65535:
        raise InvalidArgument(f'invalid port specification: "{text}"')
    return first, last


def expand_ports(text: str) -> list[str]:
    """Return every port of `80`, `80/tcp` or `8000-8002/udp` as `number/protocol`.

    Raises:
        InvalidArgument: it is no port.
    """
    numbers, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in PROTOCOLS:
        raise InvalidArgument(f'invalid port specification: "{text}"')
    try:
        first, last = parse_port_range(numbers)
    except InvalidArgument:
        raise InvalidArgument(f'invalid port specification: "{text}"') from None
    return [f"{n}/{protocol}" for n in range(first, last + 1)]


def check_port_bindings(host: HostConfig) -> None:
    """Raise InvalidArgument for a port or host port that is none."""
    for port, bindings in (host.port_bindings or {}).items():
        number, _, protocol = port.partition("/")
        if not number or not _is_port(number) or (protocol or "tcp").lower() not in PROTOCOLS:
            raise InvalidArgument(f'invalid port specification: "{port}"')
        for binding in bindings or []:
            if binding.host_port:
                parse_port_range(binding.host_port)


def _is_port(text: str) -> bool:
    m = _PORT.fullmatch(text)
    return bool(m) and 0 < int(m[1] if m else 0) <= 65535
