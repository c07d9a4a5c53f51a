"""Host ports held by real sockets, so that no other program of the host can take or have them.

The kernel's translation of addresses never reaches these sockets; they make a conflict visible at once, to both
sides. A TCP socket listens, since two sockets with SO_REUSEADDR may share a port until one does (socket(7)).
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from pogu.errors import Conflict, InvalidArgument

Address = IPv4Address | IPv6Address

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_DEFAULT_EPHEMERAL = range(32768, 61000)
_IPPROTO_SCTP = 132
_SO_ATTACH_FILTER = 26
_BACKLOG = 128
_KINDS = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, _IPPROTO_SCTP),
}


@dataclass(slots=True)
class Claim:
    """One port on one address of the host, ours until `close`. Without a socket where the kernel lacks the protocol."""

    protocol: str
    address: Address
    port: int
    socket: socket.socket | None = field(default=None, repr=False)
    released: bool = False


class PortClaims:
    """The host ports of one engine."""

    def __init__(self) -> None:
        self._claims: dict[tuple[str, int, int], set[Address]] = {}  # (protocol, IP version, port) -> addresses
        self._last_ephemeral = 0

    def claim(self, protocol: str, addresses: Sequence[Address], ports: range, target: str) -> list[Claim]:
        """Take the first port of `ports` that is free on all `addresses`; an empty range is any ephemeral port.

        `target` is the container's side (`172.17.0.2:80/tcp`), for messages.

        Raises:
            Conflict: none is free; InvalidArgument: this host has no such address.
        """
        failure: Conflict | None = None
        for port in ports or self._ephemeral():
            try:
                claims = self._claim_all(protocol, addresses, port, target)
            except Conflict as e:
                failure = failure or e
                continue
            if not ports:
                self._last_ephemeral = port
            return claims
        if failure is not None and len(ports) == 1:
            raise failure
        raise Conflict("all ports are allocated") from failure

    def release(self, claim: Claim) -> None:
        """Give a port back. Idempotent."""
        if claim.released:
            return
        claim.released = True
        key = (claim.protocol, claim.address.version, claim.port)
        held = self._claims.get(key, set())
        held.discard(claim.address)
        if not held:
            self._claims.pop(key, None)
        if claim.socket is not None:
            claim.socket.close()
            claim.socket = None

    def _claim_all(self, protocol: str, addresses: Sequence[Address], port: int, target: str) -> list[Claim]:
        made: list[Claim] = []
        try:
            for address in addresses:
                made.append(self._claim_one(protocol, address, port, target))
        except BaseException:
            for claim in made:
                self.release(claim)
            raise
        return made

    def _claim_one(self, protocol: str, address: Address, port: int, target: str) -> Claim:
        if self._is_ours(protocol, address, port):
            raise Conflict(f"Bind for {_shown(address)}:{port} failed: port is already allocated")
        try:
            sock = _bind(protocol, address, port)
        except OSError as e:
            reason = os.strerror(e.errno or 0).lower()
            message = f"failed to bind host port for {_shown(address)}:{port}:{target}: {reason}"
            if e.errno == errno.EADDRNOTAVAIL:
                raise InvalidArgument(message) from e
            raise Conflict(message) from e
        self._claims.setdefault((protocol, address.version, port), set()).add(address)
        return Claim(protocol, address, port, sock)

    def _is_ours(self, protocol: str, address: Address, port: int) -> bool:
        """Say whether this port is taken by us on this address, on all, or (asked for all) on any of the family."""
        held = self._claims.get((protocol, address.version, port), set())
        return bool(held) and (address.is_unspecified or address in held or any(h.is_unspecified for h in held))

    def _ephemeral(self) -> Iterable[int]:
        """Return every ephemeral port, beginning after the one given out last."""
        try:
            first, last = _EPHEMERAL.read_text().split()
            ports = range(int(first), int(last) + 1)
        except (OSError, ValueError):
            ports = _DEFAULT_EPHEMERAL
        start = self._last_ephemeral + 1 if self._last_ephemeral in ports else ports[0]
        return itertools.chain(range(start, ports[-1] + 1), range(ports[0], start))


def _shown(address: Address) -> str:
    return f"[{address}]" if address.version == 6 else str(address)


def _bind(protocol: str, address: Address, port: int) -> socket.socket | None:
    kind, number = _KINDS[protocol]
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        sock = socket.socket(family, kind | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, number)
    except OSError as e:
        if protocol == "sctp" and e.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT):
            return None  # no module, so nobody else on this host can have the port either
        raise
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if protocol != "udp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT do not count
        sock.bind((str(address), port))
        if protocol == "udp":
            _drop_everything(sock)
        else:
            sock.listen(_BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _drop_everything(sock: socket.socket) -> None:
    """Attach a filter that accepts no byte (`ret #0`), so that stray datagrams do not fill the socket's buffer."""
    program = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
