"""Names, driver options and filters of volumes, with the local driver's rules and messages."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from pogu.engine.model import Volume
from pogu.engine.sizes import parse_size
from pogu.errors import InvalidArgument

ANONYMOUS_LABEL = "com.docker.volume.anonymous"
LIST_FILTERS = frozenset(("dangling", "name", "driver", "label"))
PRUNE_FILTERS = frozenset(("label", "label!", "all"))
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_REQUIRED = {"device": ("type",), "type": ("device",), "o": ("device", "type")}
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")
_IPV4 = re.compile(r"\d+\.\d+\.\d+\.\d+")


def check_name(name: str) -> None:
    """Raise InvalidArgument for a name the local driver refuses."""
    if len(name) == 1:
        raise InvalidArgument("volume name is too short, names should be at least two alphanumeric characters")
    if not _NAME.fullmatch(name):
        raise InvalidArgument(
            f'"{name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are '
            "allowed. If you intended to pass a host directory, use absolute path"
        )
    if len(name) > 255:
        raise InvalidArgument("volume name is too long, names may have 255 characters")


def check_options(options: Mapping[str, str]) -> None:
    """Raise InvalidArgument for driver options that the local driver does not know or cannot combine."""
    for option in options:
        if option not in ("type", "o", "device", "size"):
            raise InvalidArgument(f'invalid option: "{option}"')
    if options.get("type") == "cifs" and _port(options.get("device", "")):
        raise InvalidArgument("port not allowed in CIFS device URL, include 'port' in 'o='")
    if "size" in options and parse_size(options["size"]) > 0:
        raise InvalidArgument("quota size requested but no quota support")
    for option, required in _REQUIRED.items():
        for other in required:
            if option in options and other not in options:
                raise InvalidArgument(f'missing required option: "{other}"')


def _port(device: str) -> int | None:
    try:
        return urlsplit(device).port
    except ValueError as e:
        raise InvalidArgument(f"error parsing mount device url: {e}") from e


def needs_mount(options: Mapping[str, str] | None) -> bool:
    """Say whether the volume is something mounted, not just a directory."""
    return bool(options and (options.get("device") or options.get("type")))


def with_address(kind: str, text: str) -> str:
    """Return mount options with the host name in `addr=` looked up, as NFS and CIFS in the kernel need it. Blocks."""
    address = next((o.removeprefix("addr=") for o in text.split(",") if o.startswith("addr=")), "")
    if kind not in ("nfs", "cifs") or not address or _IPV4.fullmatch(address):
        return text
    try:
        found = str(socket.getaddrinfo(address, None, proto=socket.IPPROTO_TCP)[0][4][0])
    except OSError as e:
        raise InvalidArgument(f"error resolving passed in network volume address: {e}") from e
    return text.replace(f"addr={address}", f"addr={found}", 1)


def without_password(message: str, text: str) -> str:
    """Hide the value of `password=` in the mount options `text` wherever `message` repeats it."""
    secret = next((o.removeprefix("password=") for o in text.split(",") if o.startswith("password=")), "")
    return message.replace(f"password={secret}", "password=********") if secret else message


def parse_bool(key: str, values: Sequence[str]) -> bool | None:
    """Return the truth value of a filter, None if it is not given. Raises InvalidArgument."""
    if not values:
        return None
    if len(values) == 1 and values[0] in _TRUE:
        return True
    if len(values) == 1 and values[0] in _FALSE:
        return False
    raise InvalidArgument(f"invalid filter '{key}=[{' '.join(values)}]'")


def matcher(filters: Mapping[str, Sequence[str]], known: frozenset[str]) -> Callable[[Volume], bool]:
    """Return the test that `name`, `driver`, `label` and `label!` filters make together.

    Raises:
        InvalidArgument: a filter not in `known`.
    """
    for key in filters:
        if key not in known:
            raise InvalidArgument(f"invalid filter '{key}'")

    def matches(volume: Volume) -> bool:
        labels = volume.labels or {}
        return (
            _one_of(filters.get("name", ()), lambda v: _name_matches(volume.name, v))
            and _one_of(filters.get("driver", ()), lambda v: v == volume.driver)
            and all(_has_label(labels, v) for v in filters.get("label", ()))
            and not (filters.get("label!") and all(_has_label(labels, v) for v in filters["label!"]))
        )

    return matches


def _one_of(values: Sequence[str], test: Callable[[str], bool]) -> bool:
    return not values or any(test(v) for v in values)


def _name_matches(name: str, pattern: str) -> bool:
    try:
        return name == pattern or re.search(pattern, name) is not None
    except re.error:
        return False


def _has_label(labels: Mapping[str, str], term: str) -> bool:
    key, equals, value = term.partition("=")
    return key in labels and (not equals or labels[key] == value)
