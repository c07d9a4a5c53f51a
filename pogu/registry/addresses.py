"""How clients address this registry, also through a proxy: scheme, host and prefix of the URLs that they are told.

What a proxy says (`X-Forwarded-*`, `Forwarded` of RFC 7239) is believed for these, since they come back to nobody but
whoever said it. The client's own address, which goes into the audit log, is believed of trusted proxies alone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from pogu.errors import InvalidArgument
from pogu.http import Request

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"([^"]*)"|([^;,"]*))\s*')

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Addresses:
    """The rules of one registry. `external` is its address if it is fixed (`https://registry.example/prefix`)."""

    external: str = ""
    absolute: bool = False
    trusted: Sequence[Network] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

    def base(self, request: Request) -> str:
        """What comes before `/v2/` in a `Location`: whole, or only a prefix where relative addresses do."""
        if self.absolute or self.external:
            return self.absolute_base(request)
        return _prefix(request)

    def absolute_base(self, request: Request) -> str:
        """Scheme, host and prefix by which the client knows this registry."""
        if self.external:
            return self.external
        forwarded = _forwarded(request)
        scheme = forwarded.get("proto") or _first(request, "x-forwarded-proto") or ""
        if scheme.lower() not in ("http", "https"):
            scheme = "https" if request.peer.kind == "tls" else "http"
        for host in (forwarded.get("host"), _first(request, "x-forwarded-host"), request.headers.get("host")):
            if host and _HOST.fullmatch(host):
                return f"{scheme.lower()}://{host}{_prefix(request)}"
        return _prefix(request)

    def client(self, request: Request) -> str:
        """The address of the client itself, as far as it is known for sure."""
        peer = request.peer.address.rpartition(":")[0].strip("[]")
        hops = [hop.strip() for value in request.headers.get_all("x-forwarded-for") for hop in value.split(",")]
        # Each proxy adds whom it saw at the end: walk back as long as those who say so are trusted.
        while hops and (not peer or self._trusts(peer)):
            peer = hops.pop()
        return peer

    def _trusts(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.trusted)


def parse_networks(texts: Sequence[str]) -> list[Network]:
    """The networks of trusted proxies. Raises InvalidArgument."""
    try:
        return [ipaddress.ip_network(text, strict=False) for text in texts]
    except ValueError as error:
        raise InvalidArgument(f"--trusted-proxy: {error}") from error


def parse_external(url: str) -> str:
    """The fixed address of a registry, without a slash at the end. Raises InvalidArgument."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InvalidArgument(f"--external-url: {url!r} is not an address like https://registry.example.org")
    return url.rstrip("/")


def _prefix(request: Request) -> str:
    prefix = (_first(request, "x-forwarded-prefix") or "").rstrip("/")
    return prefix if _PREFIX.fullmatch(prefix) and ".." not in prefix else ""


def _first(request: Request, name: str) -> str | None:
    value = request.headers.get(name)
    return None if value is None else value.partition(",")[0].strip()


def _forwarded(request: Request) -> dict[str, str]:
    """The parameters of the first element of `Forwarded`, which the proxy nearest to the client wrote."""
    value = request.headers.get("forwarded")
    if value is None:
        return {}
    pairs = (_PAIR.fullmatch(part) for part in value.partition(",")[0].split(";"))
    return {pair[1].lower(): pair[2] or pair[3] or "" for pair in pairs if pair}
