"""Where the registry of a name is: its servers in the order they are asked, and how each may be reached.

Docker's rules (dockerd reference, "Insecure registries", "registry-mirrors"): names on docker.io are at
registry-1.docker.io, after its mirrors; every other domain is its own server. A registry on this machine, or one on the
list of insecure ones, is also taken with a certificate nobody knows, and over plain HTTP.

Mirrors of any registry stand in `certs.d/<host>/hosts.toml` (containerd, "Registry configuration"):

    server = "https://registry.example"
    [host."https://mirror.example:5000"]
      capabilities = ["pull", "resolve"]     # "push" too, for one that may be written to
      ca = "mirror.crt"                      # or a list; paths are relative to the file
      client = ["mirror.cert", "mirror.key"]
      skip_verify = false
"""

from __future__ import annotations

import ipaddress
import socket
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pogu.engine.registries.tls import NO_FILES, TlsFiles, read_directories
from pogu.errors import InvalidArgument

HUB = "docker.io"
HUB_SERVER = "registry-1.docker.io"
LOOPBACK = ("::1/128", "127.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server of a registry. `host` has a port where it is not the scheme's; `prefix` stands before `/v2/`."""

    scheme: str
    host: str
    verify: bool = True
    files: TlsFiles = NO_FILES
    mirror: bool = False
    prefix: str = ""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.prefix}"


@dataclass(frozen=True, slots=True)
class Places:
    """What is configured: Docker's mirrors (of docker.io alone), the insecure registries, and `certs.d` directories."""

    mirrors: Sequence[str] = ()
    insecure: Sequence[str] = ()
    directories: Sequence[Path] = ()

    def endpoints(self, domain: str, push: bool = False) -> list[Endpoint]:
        """Return the servers for a domain, first choice first; mirrors are not written to.

        Raises:
            InvalidArgument: its files in `certs.d` cannot be used.
        """
        found = [] if push or domain != HUB else [e for url in self.mirrors for e in self._at(url, mirror=True)]
        for directory in self.directories:
            configured = directory / domain / "hosts.toml"
            if configured.is_file():
                return found + self._configured(configured, domain, push)
        return found + self._servers(HUB_SERVER if domain == HUB else domain)

    def is_insecure(self, host: str) -> bool:
        """Tell whether a registry may be reached without a certificate that is trusted."""
        return host in self.insecure or _in_networks(host, [*LOOPBACK, *(e for e in self.insecure if "/" in e)])

    def _servers(self, host: str, mirror: bool = False, prefix: str = "") -> list[Endpoint]:
        files = self._files(host)
        if not self.is_insecure(host):
            return [Endpoint("https", host, True, files, mirror, prefix)]
        return [
            Endpoint("https", host, False, files, mirror, prefix),
            Endpoint("http", host, False, NO_FILES, mirror, prefix),
        ]

    def _at(self, url: str, mirror: bool) -> list[Endpoint]:
        parts = urlsplit(url)
        prefix = parts.path.rstrip("/")
        if parts.scheme == "http":
            return [Endpoint("http", parts.netloc, False, NO_FILES, mirror, prefix)]
        return self._servers(parts.netloc, mirror, prefix)[:1]

    def _files(self, host: str) -> TlsFiles:
        return read_directories(directory / host for directory in self.directories)

    def _configured(self, path: Path, domain: str, push: bool) -> list[Endpoint]:
        try:
            document = tomllib.loads(path.read_text())
        except (OSError, UnicodeError, tomllib.TOMLDecodeError) as e:
            raise InvalidArgument(f"cannot use {path}: {e}") from None
        wanted = "push" if push else "pull"
        hosts: dict[str, dict[str, Any]] = document.get("host") or {}
        chosen = [
            endpoint
            for url, entry in hosts.items()
            if wanted in (entry.get("capabilities") or ("pull", "resolve", "push"))
            for endpoint in self._from_entry(url, entry, path)
        ]
        server = document.get("server")
        own = self._at(str(server), mirror=False) if server else self._servers(HUB_SERVER if domain == HUB else domain)
        return chosen + own

    def _from_entry(self, url: str, entry: dict[str, Any], path: Path) -> list[Endpoint]:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise InvalidArgument(f"cannot use {path}: {url!r} is not a URL of http or https")
        prefix = parts.path.rstrip("/").removesuffix("/v2")
        if parts.scheme == "http":
            return [Endpoint("http", parts.netloc, False, NO_FILES, True, prefix)]
        own = self._files(parts.netloc)
        authorities = tuple(path.parent / name for name in _names(entry.get("ca")))
        pairs = tuple(_pair(path.parent, item) for item in _pairs(entry.get("client")))
        files = TlsFiles(own.authorities + authorities, own.pairs + pairs)
        return [Endpoint("https", parts.netloc, not entry.get("skip_verify", False), files, True, prefix)]


def _names(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [str(name) for name in value] if isinstance(value, list) else []


def _pairs(value: object) -> list[object]:
    """Return the client certificates of an entry: `"both.pem"`, `["cert", "key"]` or a list of such pairs."""
    if isinstance(value, list) and not all(isinstance(item, str) for item in value):
        return list(value)
    return [value] if value else []


def _pair(folder: Path, item: object) -> tuple[Path, Path]:
    names = _names(item)
    return folder / names[0], folder / names[-1]


def _in_networks(host: str, networks: Iterable[str]) -> bool:
    name = split_port(host)[0]
    parsed = []
    for network in networks:
        try:
            parsed.append(ipaddress.ip_network(network, strict=False))
        except ValueError:
            continue
    return any(address in network for address in _addresses(name) for network in parsed)


def _addresses(name: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Return the addresses of a name; none where it does not resolve (asking it will say so)."""
    try:
        return [ipaddress.ip_address(name)]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]


def split_port(host: str) -> tuple[str, int | None]:
    """Return name and port of `name[:port]`; brackets of an IPv6 address are taken off."""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        name, _, port = host.partition(":")
    return name, int(port) if port.isdigit() else None
