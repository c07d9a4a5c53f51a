"""What EXPOSE exposes: `80`, `80/udp`, `8000-8010`.

Addresses and host ports (`127.0.0.1:8080:80`) are checked and left out, as BuildKit does; there is a check that warns
of them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

import msgspec

from pogu.engine.build.dockerfile.errors import DockerfileError, quoted

_LAST_PORT = 65535


class PortText(msgspec.Struct, frozen=True):
    """A word of EXPOSE, taken apart but not checked."""

    address: str
    host: str
    ports: str
    protocol: str
    """As written; empty if none is."""


def split_port(word: str) -> PortText:
    """Return the parts of `[[address:]host:]ports[/protocol]`."""
    address, host, container = ("", "", *word.rsplit(":", 2))[-3:]
    ports, _, protocol = container.partition("/")
    return PortText(address, host, ports, protocol)


def parse_ports(words: Iterable[str]) -> list[str]:
    """Return each port that the expanded words name as `80/tcp`, ranges counted out. Raises DockerfileError."""
    return [port for word in words for port in _parse(word)]


def _parse(word: str) -> list[str]:
    parts = split_port(word)
    if not parts.ports:
        raise DockerfileError(f"invalid port: {quoted(word)}: no port specified")
    protocol = parts.protocol.lower() or "tcp"
    if protocol not in ("tcp", "udp", "sctp"):
        raise DockerfileError(f"invalid port: {quoted(word)}: invalid proto: {parts.protocol}")
    _check_address(parts.address)
    span = _range(parts.ports)
    if span is None:
        raise DockerfileError(f"invalid containerPort: {parts.ports}")
    if parts.host:
        _check_host(parts, span)
    return [f"{port}/{protocol}" for port in span]


def _check_address(address: str) -> None:
    inner = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    if not address:
        return
    try:
        ipaddress.ip_address(inner)
    except ValueError:
        raise DockerfileError(f"invalid IP address: {address}") from None


def _check_host(parts: PortText, span: range) -> None:
    host = _range(parts.host)
    if host is None:
        raise DockerfileError(f"invalid hostPort: {parts.host}")
    if len(span) not in (1, len(host)):
        raise DockerfileError(f"invalid ranges specified for container and host Ports: {parts.ports} and {parts.host}")


def _range(text: str) -> range | None:
    match = re.fullmatch(r"\+?(\d{1,9})(?:-\+?(\d{1,9}))?", text, re.ASCII)
    if match is None:
        return None
    first, last = int(match[1]), int(match[2] or match[1])
    return range(first, last + 1) if first <= last <= _LAST_PORT else None
