"""Which proxy a request goes through, by the environment's HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Go reads them.

Names in NO_PROXY stand for their subdomains too, `*` for everything, addresses and CIDRs for addresses; a port limits
an entry to it. This machine itself is never asked for through a proxy.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from pogu.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy; `authorization` is the value of Proxy-Authorization, or ""."""

    host: str
    port: int
    authorization: str = ""


def find_proxy(scheme: str, host: str, port: int, environment: Mapping[str, str]) -> Proxy | None:
    """Return the proxy for a server, None where it is asked directly.

    Raises:
        InvalidArgument: the variable has no usable URL.
    """
    name = f"{scheme}_proxy"
    url = environment.get(name) or environment.get(name.upper()) or ""
    if not url or _direct(host, port, environment.get("no_proxy") or environment.get("NO_PROXY") or ""):
        return None
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        proxy_host, proxy_port = parts.hostname, parts.port or 80
    except ValueError:
        proxy_host, proxy_port = None, 0
    if not proxy_host or parts.scheme != "http":
        raise InvalidArgument(f"cannot use the proxy of {name.upper()}: it must be http://host[:port]")
    authorization = ""
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + base64.b64encode(pair.encode()).decode()
    return Proxy(proxy_host, proxy_port, authorization)


def _direct(host: str, port: int, exceptions: str) -> bool:
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_excepts(entry.strip().lower(), host.lower(), port, address) for entry in exceptions.split(","))


def _excepts(entry: str, host: str, port: int, address: ipaddress.IPv4Address | ipaddress.IPv6Address | None) -> bool:
    if not entry or entry == "*":
        return entry == "*"
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, _, wanted = entry.rpartition(":") if entry.count(":") == 1 or entry.startswith("[") else (entry, "", "")
    if wanted and wanted != str(port):
        return False
    name = name.strip("[]").removeprefix("*")
    if address is not None:
        return _address(name) == address
    return host == name.removeprefix(".") or host.endswith("." + name.removeprefix("."))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
