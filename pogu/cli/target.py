"""Which daemon to talk to, and how."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pogu.cli import configuration
from pogu.errors import InvalidArgument, NotFound

if TYPE_CHECKING:
    import ssl

    from pogu.cli.contexts import Context
    from pogu.cli.ssh import SshHost

DEFAULT_HOST = "unix:///run/pogu/pogu.sock"
DEFAULT_CONTEXT = "default"


class Target(NamedTuple):
    """A daemon's address: a Unix socket's `path`, or `address` and `port`; TLS where `context` is set; or `ssh`."""

    url: str
    path: str = ""
    address: str = ""
    port: int = 0
    context: ssl.SSLContext | None = None
    ssh: SshHost | None = None


def find_target(options: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Target:
    """Return the target that the global options, the environment or the context in force name.

    Each variable has Pogu's name before Docker's: POGU_HOST and DOCKER_HOST, …_TLS_VERIFY, …_CERT_PATH.

    Raises:
        InvalidArgument: the address is none, a TLS file is not readable, or there is no such context.
    """
    name = current_context(options, environ)
    if name == DEFAULT_CONTEXT:
        return _of_environment(options, environ)
    from pogu.cli.contexts import Store

    try:
        context = Store(configuration.folder(options, environ)).load(name)
    except (NotFound, InvalidArgument) as e:
        raise InvalidArgument(f"Failed to initialize: unable to resolve docker endpoint: {e.message}") from e
    return _of_context(context)


def current_context(options: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> str:
    """Return the name of the context in force: an address that is named outright makes it the default one.

    Raises:
        InvalidArgument: both an address and a context are named.
    """
    if options.get("context"):
        if options.get("host"):
            raise InvalidArgument("conflicting options: cannot specify both --host and --context")
        return options["context"]
    if options.get("host") or environment_host(environ):
        return DEFAULT_CONTEXT
    settings = {} if environ.get("DOCKER_CONTEXT") else configuration.load(configuration.folder(options, environ))
    return environ.get("DOCKER_CONTEXT") or str(settings.get("currentContext") or "") or DEFAULT_CONTEXT


def environment_host(environ: Mapping[str, str]) -> str:
    """Return the address that the environment names, "" where it names none."""
    return environ.get("POGU_HOST") or environ.get("DOCKER_HOST") or ""


def _of_environment(options: Mapping[str, str], environ: Mapping[str, str]) -> Target:
    def variable(name: str) -> str:
        return environ.get(f"POGU_{name}") or environ.get(f"DOCKER_{name}") or ""

    url = options.get("host") or environment_host(environ) or DEFAULT_HOST
    verify = _on(options["tlsverify"]) if "tlsverify" in options else bool(variable("TLS_VERIFY"))
    tls = verify or _on(options.get("tls")) or bool(variable("TLS")) or url.startswith("https://")
    target = parse_address(url, tls=tls)
    if not tls or not target.port:
        return target
    folder = Path(variable("CERT_PATH") or configuration.folder(options, environ))
    ca, cert, key = (
        Path(options.get(name) or folder / default)
        for name, default in (("tlscacert", "ca.pem"), ("tlscert", "cert.pem"), ("tlskey", "key.pem"))
    )
    return target._replace(context=_tls(ca if verify else None, cert, key, folder))


def _of_context(context: Context) -> Target:
    skip = bool(context.endpoint.get("SkipTLSVerify"))
    tls = bool(context.tls) or skip
    target = parse_address(context.host or DEFAULT_HOST, tls=tls)
    if not tls or not target.port:
        return target
    import tempfile

    with tempfile.TemporaryDirectory(prefix="pogu-tls-") as name:  # ssl takes certificates from files alone
        folder = Path(name)
        for file, content in context.tls.items():
            (folder / file).write_bytes(content)
        ca = None if skip else folder / "ca.pem"
        return target._replace(context=_tls(ca, folder / "cert.pem", folder / "key.pem", folder))


def parse_address(url: str, *, tls: bool = False) -> Target:
    """Return the target of an address. Raises InvalidArgument.

    Those are `unix://PATH`, `tcp://HOST[:PORT]`, `ssh://[USER@]HOST[:PORT][/PATH]`, a path or a bare `HOST:PORT`.
    """
    proto, sep, rest = url.partition("://")
    if not sep:
        proto, rest = ("unix", url) if url.startswith("/") else ("tcp", url)
    if proto == "unix":
        path = rest or DEFAULT_HOST.removeprefix("unix://")
        return Target(f"unix://{path}", path=path)
    if proto == "ssh":
        from pogu.cli.ssh import parse_ssh

        try:
            return Target(url, ssh=parse_ssh(url))
        except InvalidArgument as e:
            raise InvalidArgument(f"Failed to initialize: {e.message}") from e
    if proto not in {"tcp", "http", "https"}:
        known = "unix://PATH, tcp://HOST:PORT or ssh://USER@HOST"
        raise InvalidArgument(f"unable to parse the daemon's address `{url}`: use {known}")
    address, port = _split(rest.rstrip("/"), 2376 if tls else 2375, url)
    return Target(f"tcp://{rest}", address=address, port=port)


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


def _tls(ca: Path | None, cert: Path, key: Path, folder: Path) -> ssl.SSLContext:
    """Return what a connection needs; without `ca` the daemon's certificate is not checked."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if ca is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(ca)
        if cert.exists():
            context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as e:
        raise InvalidArgument(f"cannot use the TLS files in {folder}: {e}") from e
    return context
