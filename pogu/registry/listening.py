"""Where a registry listens, and what it asks of a listener that other machines can reach."""

from __future__ import annotations

import ipaddress
import logging
import ssl
from dataclasses import dataclass

from pogu.errors import InvalidArgument
from pogu.http import Server
from pogu.registry.options import Options

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Address:
    """A host (None: all) and a port, or the path of a local socket."""

    host: str | None = None
    port: int = 0
    path: str = ""

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.path or self.host == "localhost":
            return True
        try:
            return self.host is not None and ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str) -> Address:
    """`host:port`, `[::1]:port`, `:port` for all addresses, or `unix:///path`. Raises InvalidArgument."""
    if text.startswith("unix://"):
        return Address(path=text.removeprefix("unix://"))
    host, colon, port = text.removeprefix("tcp://").rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise InvalidArgument(f"--listen: {text!r} is not an address like 127.0.0.1:5000 or unix:///run/registry.sock")
    if host.startswith("["):
        host = host[1:].removesuffix("]")
    elif ":" in host:
        raise InvalidArgument(f"--listen: {text!r}: put IPv6 addresses in [ ]")
    return Address(host or None, int(port))


def tls_context(options: Options) -> ssl.SSLContext | None:
    """The context of a registry's certificate; None if it has none. Raises InvalidArgument."""
    if not options.tls_cert and not options.tls_key:
        if options.tls_client_ca:
            raise InvalidArgument("--tls-client-ca needs --tls-cert and --tls-key")
        return None
    if not options.tls_cert or not options.tls_key:
        raise InvalidArgument("--tls-cert and --tls-key go together")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(context, options)
    if options.tls_client_ca:
        try:
            context.load_verify_locations(options.tls_client_ca)
        except (OSError, ssl.SSLError) as error:
            raise InvalidArgument(f"could not read the CA certificate {options.tls_client_ca!r}: {error}") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def load_certificate(context: ssl.SSLContext, options: Options) -> None:
    """Read the certificate and key into a context, also when they have been renewed. Raises InvalidArgument."""
    try:
        context.load_cert_chain(options.tls_cert, options.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise InvalidArgument(
            f"could not load the certificate {options.tls_cert!r} with the key {options.tls_key!r}: {error}"
        ) from error


def check(options: Options, addresses: list[Address], tls: bool) -> None:
    """Refuse what would let others read along; warn of what lets them write.

    Raises:
        InvalidArgument: an address that other machines can reach has no TLS, and nobody said that this is meant.
    """
    for address in addresses:
        if address.local:
            continue
        shown = f"{address.host or '*'}:{address.port}"
        if not tls and not options.insecure:
            raise InvalidArgument(
                f"{shown} can be reached by other machines and would show passwords and content to everybody on the "
                "way: give --tls-cert and --tls-key, or say --insecure if that is meant (behind a proxy, say)"
            )
        if not (options.htpasswd or options.token_keys or options.tls_client_ca or options.read_only):
            log.warning("everybody who can reach %s may push and delete: see --htpasswd and --token-keys", shown)


async def listen(server: Server, address: Address, context: ssl.SSLContext | None) -> str:
    """Open one listener; return its address as a URL."""
    if address.path:
        return await server.listen_unix(address.path)
    url = await server.listen_tcp(address.host, address.port, context)
    return url.replace("tcp://", "https://" if context else "http://", 1)
