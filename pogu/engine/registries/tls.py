"""TLS towards a registry: its own certificate authorities and client certificates, as files of a directory.

The directory is `certs.d/<host[:port]>/` (dockerd reference, "Verify repository client with certificates"): `*.crt` are
authorities, trusted besides the system's; `*.cert` with `*.key` beside it are client certificates.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pogu.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What a connection trusts and shows: authorities, and pairs of a client certificate and its key."""

    authorities: tuple[Path, ...] = ()
    pairs: tuple[tuple[Path, Path], ...] = ()


NO_FILES = TlsFiles()


def read_directories(directories: Iterable[Path]) -> TlsFiles:
    """Return the files of the directories that are there.

    Raises:
        InvalidArgument: a certificate without its key, or a key without its certificate.
    """
    authorities: list[Path] = []
    pairs: list[tuple[Path, Path]] = []
    for directory in directories:
        for path in sorted(directory.iterdir()) if directory.is_dir() else ():
            if path.suffix == ".crt":
                authorities.append(path)
            elif path.suffix == ".cert":
                key = path.with_suffix(".key")
                if not key.exists():
                    raise InvalidArgument(
                        f"missing key {key.name} for client certificate {path.name}. "
                        "CA certificates must use the extension .crt"
                    )
                pairs.append((path, key))
            elif path.suffix == ".key" and not path.with_suffix(".cert").exists():
                raise InvalidArgument(
                    f"missing client certificate {path.with_suffix('.cert').name} for key {path.name}"
                )
    return TlsFiles(tuple(authorities), tuple(pairs))


def client_context(files: TlsFiles, verify: bool) -> ssl.SSLContext:
    """Return a context for connections to a registry.

    Raises:
        InvalidArgument: a file is no certificate or key.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        for authority in files.authorities:
            context.load_verify_locations(authority)
        for certificate, key in files.pairs:
            context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as e:
        raise InvalidArgument(f"cannot use the certificates of a registry: {e}") from e
    return context
