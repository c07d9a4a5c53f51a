"""The addresses a daemon listens on, as dockerd's `-H` writes them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from pogu.errors import InvalidArgument

PLAIN_PORT, TLS_PORT = 2375, 2376  # registered with IANA as `docker` and `docker-s`


@dataclass(frozen=True, slots=True)
class UnixHost:
    """A socket in the file system."""

    path: Path

    def __str__(self) -> str:
        return f"unix://{self.path}"


@dataclass(frozen=True, slots=True)
class TcpHost:
    """An address and a port; port 0 takes any free one."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"tcp://[{self.address}]:{self.port}" if ":" in self.address else f"tcp://{self.address}:{self.port}"

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.address == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class InheritedHost:
    """Sockets that systemd hands over: all, those of a name (FileDescriptorName=), or one number."""

    name: str

    def __str__(self) -> str:
        return f"fd://{self.name}"


Host = UnixHost | TcpHost | InheritedHost


def parse_host(text: str, *, default_socket: Path, tls: bool) -> Host:
    """Return what `text` means; missing parts take dockerd's defaults.

    Raises:
        InvalidArgument: it is no `unix://`, `tcp://` or `fd://` address.
    """
    proto, sep, rest = text.strip().partition("://")
    if not sep:
        proto, rest = ("unix", proto) if proto.startswith("/") else ("tcp", proto)
    if proto == "unix":
        return UnixHost(Path(rest).absolute() if rest else default_socket)
    if proto == "fd":
        return InheritedHost("" if rest == "*" else rest)
    if proto == "tcp":
        return _tcp(rest, text, TLS_PORT if tls else PLAIN_PORT)
    raise InvalidArgument(f"parsing -H failed: invalid bind address format: {text}: use unix://, tcp:// or fd://")


def _tcp(rest: str, text: str, default_port: int) -> TcpHost:
    rest = rest.rstrip("/")
    if rest.startswith("["):
        address, bracket, tail = rest[1:].partition("]")
        port = tail.removeprefix(":")
        if not bracket or (tail and not tail.startswith(":")):
            raise InvalidArgument(f"parsing -H failed: invalid bind address format: {text}")
    else:
        address, _, port = rest.rpartition(":") if ":" in rest else (rest, "", "")
    if ":" in address and not rest.startswith("["):
        raise InvalidArgument(f"parsing -H failed: invalid bind address format: {text}: put IPv6 addresses in [ ]")
    if port and not (port.isdigit() and int(port) < 65536):
        raise InvalidArgument(f"parsing -H failed: invalid port {port!r} in {text}")
    if "/" in address:
        raise InvalidArgument(f"parsing -H failed: invalid bind address format: {text}: a path is not supported")
    return TcpHost(address or "127.0.0.1", int(port) if port else default_port)
