"""What a registry can be told: flags of `pogu registry serve`, and a TOML file with the same words and the rules.

    listen = ["0.0.0.0:5000"]
    tls-cert = "/etc/pogu/registry.pem"

    [[access]]
    repository = "team/**"
    users = ["alice", "@developers"]
    actions = ["pull", "push"]

Flags go before the file. Sizes are bytes or `10GB`, times are seconds or `36h`, `7d`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from pogu.errors import InvalidArgument
from pogu.registry.access import Action

DEFAULT_ROOT = "/var/lib/pogu/registry"
DEFAULT_LISTEN = "127.0.0.1:5000"

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(|[kmgt]i?)b?", re.IGNORECASE)
_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*(|s|m|h|d|w)")
_TIMES = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class _Table(msgspec.Struct, rename="kebab", forbid_unknown_fields=True, kw_only=True):
    """A table of the file: unknown words are errors."""


class AccessRule(_Table):
    """`[[access]]`: who may do what where."""

    repository: str
    users: list[str]
    actions: list[Action]


class QuotaRule(_Table):
    """`[[quota]]`: how much the repositories of a pattern may hold together."""

    repository: str
    size: str | int


class RetentionRule(_Table):
    """`[[retention]]`: which tags are deleted. Both conditions together, if both are given."""

    repository: str
    tags: str = "**"
    keep_last: int | None = None
    older_than: str | int | None = None


class Webhook(_Table):
    """`[[webhook]]`: where events are sent."""

    url: str
    headers: dict[str, str] = {}
    actions: tuple[Literal["push", "delete", "mount"], ...] = ("push",)
    timeout: str | int = 10


class Options(_Table):
    """All options; the words of the file and the flags are these with `-` for `_`."""

    root: str = DEFAULT_ROOT
    storage: str = ""
    listen: tuple[str, ...] = (DEFAULT_LISTEN,)
    tls_cert: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""
    insecure: bool = False
    htpasswd: str = ""
    realm: str = "Pogu registry"
    anonymous_pull: bool = False
    token_server: bool = False
    token_service: str = "pogu-registry"  # noqa: S105 # a name, no secret
    token_issuer: str = ""
    token_realm: str = ""
    token_keys: str = ""
    external_url: str = ""
    absolute_urls: bool = False
    trusted_proxy: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    read_only: bool = False
    deletion: bool = True
    page: bool = True
    max_upload: str | int | None = None
    upload_timeout: str | int = 60
    upload_expiry: str | int = "7d"
    collect_every: str | int = "1h"
    collect_grace: str | int = "24h"
    collect_untagged: str | int | None = None
    upstream: str = ""
    upstream_user: str = ""
    upstream_password_file: str = ""
    upstream_fresh: str | int = "5m"
    audit_log: str = ""
    metrics: str = ""
    log_level: str = "info"
    access: list[AccessRule] = []
    groups: dict[str, list[str]] = {}
    quota: list[QuotaRule] = []
    retention: list[RetentionRule] = []
    webhook: list[Webhook] = []


def resolve(file: Path | None, flags: Mapping[str, Any]) -> Options:
    """The options of a file (None: none) with those flags, by their words, that were given in their place.

    Raises:
        InvalidArgument: the file cannot be read, or something in it or a flag makes no sense.
    """
    given: dict[str, Any] = {}
    if file is not None:
        try:
            given = tomllib.loads(file.read_text())
        except OSError as error:
            raise InvalidArgument(f"cannot read {file}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidArgument(f"{file}: {error}") from error
    try:
        return msgspec.convert({**given, **flags}, Options)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"{file or 'options'}: {error}") from error


def size(text: str | int, what: str) -> int:
    """A number of bytes (`500MB`, `2GiB`). Raises InvalidArgument naming `what`."""
    match = _SIZE.fullmatch(str(text).strip())
    if match is None:
        raise InvalidArgument(f"{what}: {text!r} is not a size like 500MB")
    unit = match[2].lower()
    factor = 1024 ** " kmgt".index(unit[0]) if unit.endswith("i") else _SIZES[unit]
    return int(float(match[1]) * factor)


def seconds(text: str | int, what: str) -> float:
    """A time in seconds (`90`, `15m`, `7d`). Raises InvalidArgument naming `what`."""
    match = _TIME.fullmatch(str(text).strip().lower())
    if match is None:
        raise InvalidArgument(f"{what}: {text!r} is not a time like 15m or 7d")
    return float(match[1]) * _TIMES[match[2]]
