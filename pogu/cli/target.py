"""Which daemon to talk to, and how."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pogu.errors import InvalidArgument

if TYPE_CHECKING:
    import ssl

DEFAULT_HOST = "unix:///run/pogu/pogu.sock"


@dataclass(frozen=True, slots=True)
class Target:
    """A daemon's address: a Unix socket's `path`, or `address` and `port`, with TLS where `context` is given."""

    url: str
    path: str = ""
    address: str = ""
    port: int = 0
    context: ssl.SSLContext | None = None


def find_target(options: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Target:
    """Return the target of the global options and of POGU_HOST, POGU_TLS_VERIFY and POGU_CERT_PATH.

    Raises:
        InvalidArgument: the address is none, or a TLS file is not readable.
    """
    url = options.get("host") or environ.get("POGU_HOST") or DEFAULT_HOST
    proto, sep, rest = url.partition("://")
    if not sep:
        proto, rest = ("unix", url) if url.startswith("/") else ("tcp", url)
    if proto == "unix":
        return Target(f"unix://{rest or DEFAULT_HOST.removeprefix('unix://')}", path=rest or DEFAULT_HOST[7:])
    if proto not in {"tcp", "http", "https"}:
        raise InvalidArgument(f"unable to parse the daemon's address `{url}`: use unix://PATH or tcp://HOST:PORT")
    verify = _on(options.get("tlsverify")) or bool(environ.get("POGU_TLS_VERIFY"))
    tls = verify or _on(options.get("tls")) or proto == "https"
    address, port = _split(rest.rstrip("/"), 2376 if tls else 2375, url)
    context = _context(options, environ, verify=verify) if tls else None
    return Target(f"tcp://{rest}", address=address, port=port, context=context)


def _on(text: str | None) -> bool:
    return (text or "false").lower() in {"true", "1", "t"}


def _split(rest: str, default: int, url: str) -> tuple[str, int]:
    if rest.startswith("["):
        address, _, tail = rest[1:].partition("]")
        port = tail.removeprefix(":")
    else:
        address, _, port = rest.partition(":")
    if port and not port.isdigit():
        raise InvalidArgument(f"unable to parse the daemon's address `{url}`: the port is no number")
    return address or "127.0.0.1", int(port) if port else default


def _context(options: Mapping[str, str], environ: Mapping[str, str], *, verify: bool) -> ssl.SSLContext:
    import ssl

    folder = Path(environ.get("POGU_CERT_PATH") or Path.home() / ".pogu")
    ca, cert, key = (
        Path(options.get(name) or folder / default)
        for name, default in (("tlscacert", "ca.pem"), ("tlscert", "cert.pem"), ("tlskey", "key.pem"))
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if verify:
            context.load_verify_locations(ca)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if cert.exists():
            context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as e:
        raise InvalidArgument(f"cannot use the TLS files in {folder}: {e}") from e
    return context
