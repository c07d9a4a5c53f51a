"""TLS for the API: what is required of a TCP listener, and the contexts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pogu.daemon.hosts import TcpHost
from pogu.daemon.settings import Settings
from pogu.errors import InvalidArgument

if TYPE_CHECKING:
    import ssl


def check_listener(host: TcpHost, settings: Settings) -> list[str]:
    """Return the warnings that a TCP listener deserves.

    Whoever reaches the API is root on this machine. So a listener that other machines can reach needs TLS with client
    certificates, or somebody who writes `--tls=false` (or `--tlsverify=false`) to say that this is meant.

    Raises:
        InvalidArgument: it is open to other machines and nobody said that it should be.
    """
    if settings.get("tlsverify"):
        return []
    meant = settings.has("tls") or settings.has("tlsverify")
    if not host.local and not meant:
        raise InvalidArgument(
            f"{host} would give root access on this machine to everyone who can reach it: use --tlsverify with "
            "--tlscacert, --tlscert and --tlskey, or say --tls=false if that is meant"
        )
    if host.local:
        reason = "Binding to an IP address, even on localhost, can also give access to scripts run in a browser."
        return [f"API is accessible on {host} without client certificates. {reason} Be safe out there!"]
    lack = "checking client certificates" if settings.tls else "encryption"
    return [
        f"API is accessible on {host} without {lack}. Access to the remote API is equivalent to root access on the "
        "host. Use --tlsverify to restrict it to clients with a certificate"
    ]


def server_context(settings: Settings) -> ssl.SSLContext:
    """Return the context for TCP listeners: TLS 1.2 or newer, client certificates required with --tlsverify.

    Raises:
        InvalidArgument: a file is missing or is not what it should be.
    """
    import ssl

    ca, cert, key = (_file(settings, name) for name in ("tlscacert", "tlscert", "tlskey"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as e:
        raise InvalidArgument(
            f"could not load X509 key pair (cert: {str(cert)!r}, key: {str(key)!r}): {e}. "
            "Make sure the key is not encrypted"
        ) from e
    if settings.get("tlsverify"):
        try:
            context.load_verify_locations(ca)
        except (OSError, ssl.SSLError) as e:
            raise InvalidArgument(f"could not read CA certificate {str(ca)!r}: {e}") from e
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _file(settings: Settings, key: str) -> Path:
    """Return the path of a TLS file; the defaults are dockerd's (DOCKER_CERT_PATH, ~/.docker)."""
    if settings.get(key):
        return Path(settings.get(key))
    folder = Path(os.environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
    return folder / {"tlscacert": "ca.pem", "tlscert": "cert.pem", "tlskey": "key.pem"}[key]
