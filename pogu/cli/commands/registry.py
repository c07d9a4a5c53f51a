"""`pogu registry serve` and `pogu registry collect`: only the command line; the registry's room does the work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pogu.cli.invoke import Session
from pogu.cli.pflag import command, many, switch, value

_SERVE: list[Callable[[Any], Any]] = [
    value(
        "--config", metavar="file", help="TOML file with these options (and access, quota, retention, webhook rules)"
    ),
    value("--root", metavar="directory", help="Where everything is kept (default /var/lib/pogu/registry)"),
    value("--storage", metavar="url", help="Keep content elsewhere: a directory, s3://BUCKET/PREFIX, gs://…, az://…"),
    many("--listen", metavar="address", help="Address to serve on (default 127.0.0.1:5000)"),
    value("--tls-cert", metavar="file", help="Certificate, PEM"),
    value("--tls-key", metavar="file", help="Its key, PEM"),
    value("--tls-client-ca", metavar="file", help="Take only clients with a certificate of this CA"),
    switch("--insecure", default=None, help="Serve other machines without TLS"),
    value("--htpasswd", metavar="file", help="Users and bcrypt hashes (htpasswd -B)"),
    value("--realm", metavar="text", help="What clients show when they ask for a password"),
    switch("--anonymous-pull", default=None, help="Everybody may pull"),
    switch("--token-server", default=None, help="Give tokens to the users of --htpasswd, at /token"),
    value("--token-keys", metavar="file", help="Take tokens signed with these public keys (PEM or JWKS)"),
    value("--token-issuer", metavar="name", help="Who issues the tokens"),
    value("--token-service", metavar="name", help="For which service they are issued (default pogu-registry)"),
    value("--token-realm", metavar="url", help="Where clients get them"),
    value("--external-url", metavar="url", help="The registry's address as clients see it"),
    switch("--absolute-urls", default=None, help="Answer with whole addresses instead of paths"),
    many("--trusted-proxy", metavar="network", help="Believe X-Forwarded-For of these"),
    switch("--read-only", default=None, help="Take no changes"),
    switch("--no-deletion", default=None, help="Do not let clients delete"),
    switch("--no-page", default=None, help="Serve no page for browsers"),
    value("--max-upload", metavar="size", help="The largest blob"),
    value("--collect-every", metavar="time", help="How often garbage is collected, 0 for never (default 1h)"),
    value("--collect-grace", metavar="time", help="How long unused content stays (default 24h)"),
    value("--collect-untagged", metavar="time", help="Delete manifests without a tag that are older"),
    value("--upload-expiry", metavar="time", help="Forget uploads that are idle for so long (default 7d)"),
    value("--upstream", metavar="url", help="Be a pull-through cache of this registry"),
    value("--upstream-user", metavar="name", help="Log in there"),
    value("--upstream-password-file", metavar="file", help="with this password"),
    value("--upstream-fresh", metavar="time", help="How long a tag is not asked for again (default 5m)"),
    value("--audit-log", metavar="file", help="Write a line of JSON for each request"),
    value("--metrics", metavar="address", help="Serve Prometheus metrics at /metrics there"),
    value("--log-level", metavar="level", help="debug, info, warning or error"),
]


def _options(decorated: Any) -> Any:
    for add in reversed(_SERVE):
        decorated = add(decorated)
    return decorated


@command("serve", help="Serve a registry for images and artifacts (OCI distribution specification 1.1)")
@_options
def serve(_session: Session, /, **given: Any) -> None:
    """Serve until told to stop."""
    from pogu.registry.process import run

    run(_resolved(given), lambda line: print(line, flush=True))


@command("collect", help="Apply retention rules and free unused space once, while no registry serves the directory")
@_options
def collect(_session: Session, /, **given: Any) -> None:
    """Collect once."""
    import asyncio

    from pogu.registry.process import collect_once

    print(asyncio.run(collect_once(_resolved(given))))


def _resolved(given: dict[str, Any]) -> Any:
    from pogu.registry.options import resolve

    file = given.pop("config")
    flags: dict[str, Any] = {}
    for name, said in given.items():
        if said is None or said == ():
            continue
        word = name.replace("_", "-")
        if word.startswith("no-"):
            flags[word.removeprefix("no-")] = not said
        else:
            flags[word] = list(said) if isinstance(said, tuple) else said
    return resolve(Path(file) if file else None, flags)
