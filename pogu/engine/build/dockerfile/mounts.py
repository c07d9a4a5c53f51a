"""`RUN --mount=type=…,target=…`: what it says.

See https://docs.docker.com/reference/dockerfile/#run---mount.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from pogu.engine.build.dockerfile.errors import DockerfileError, quoted
from pogu.engine.build.dockerfile.suggest import did_you_mean
from pogu.engine.sizes import parse_size
from pogu.errors import InvalidArgument

_TYPES = ("bind", "cache", "secret", "ssh", "tmpfs")
_SHARING = ("shared", "private", "locked")
_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}
_KEYS = (
    *("type", "from", "source", "target", "readonly", "readwrite", "id", "sharing", "required", "size", "mode", "uid"),
    *("gid", "env", *_ALIASES),
)
_TRUTHS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}
_UINT32 = 2**32


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A mount of one RUN."""

    type: str = "bind"
    """`bind`, `cache`, `secret`, `ssh` or `tmpfs`."""
    from_: str = ""
    source: str = ""
    target: str = ""
    readonly: bool = False
    id: str = ""
    sharing: str = ""
    """Of a cache: `shared`, `private` or `locked`; empty: not said (which means shared)."""
    required: bool = False
    size: int = 0
    """Bytes of a tmpfs; 0: no limit."""
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    env: str | None = None
    """Of a secret: the variable that holds it; empty: named as the secret is; None: it is a file."""


def check_mount(text: str) -> None:
    """Check what can be told of a mount before variables are known. Raises DockerfileError."""
    for field in _fields(text):
        key, _, value = field.partition("=")
        if key.lower() == "from" and "$" in value[:-1]:
            raise DockerfileError("'from' doesn't support variable expansion, define alias stage instead")


def parse_mount(text: str, expand: Callable[[str], str] = str) -> Mount:
    """Return what the value of `--mount` says.

    Args:
        expand: replaces variables in a field's value; a comma in a variable does not make another field.

    Raises:
        DockerfileError: unknown type, key, or value, or a key that the type does not take.
    """
    reader = _MountReader(expand)
    for field in _fields(text):
        reader.take(field)
    return reader.finish()


class _MountReader:
    def __init__(self, expand: Callable[[str], str]) -> None:
        self._expand = expand
        self._type = "bind"
        self._readonly: bool | None = None
        self._required = False
        self._texts: dict[str, str] = {}
        self._numbers: dict[str, int] = {}

    def take(self, field: str) -> None:
        written, equals, value = field.partition("=")
        written = written.lower()
        key = _ALIASES.get(written, written)
        if equals:
            self._set(key, written, self._expand(value), field)
        elif key in ("readonly", "readwrite"):
            self._readonly = key == "readonly"
        elif key == "required":
            self._only("required", "secret", "ssh")
            self._required = True
        else:
            raise DockerfileError(f"invalid field '{field}' must be a key=value pair")

    def finish(self) -> Mount:
        numbers, texts = self._numbers, self._texts
        if self._type in ("bind", "tmpfs"):
            for key in ("mode", "uid", "gid"):
                if key in numbers:
                    raise DockerfileError(f"{key} not allowed for {quoted(self._type)} type mounts")
        if self._type == "secret":
            self._check_secret()
        if texts.get("sharing") and self._type != "cache":
            raise DockerfileError(f"invalid cache sharing set for {self._type} mount")
        readonly = self._readonly if self._readonly is not None else self._type not in ("cache", "tmpfs")
        return Mount(
            type=self._type,
            from_=texts.get("from", ""),
            source=texts.get("source", ""),
            target=texts.get("target", ""),
            readonly=readonly,
            id=texts.get("id", ""),
            sharing=texts.get("sharing", ""),
            required=self._required,
            size=numbers.get("size", 0),
            mode=numbers.get("mode"),
            uid=numbers.get("uid"),
            gid=numbers.get("gid"),
            env=texts.get("env"),
        )

    def _set(self, key: str, written: str, value: str, field: str) -> None:
        match key:
            case "type":
                if value.lower() not in _TYPES:
                    raise DockerfileError(did_you_mean(f"unsupported mount type {quoted(value)}", value, _TYPES))
                self._type = value.lower()
            case "sharing":
                if value.lower() not in _SHARING:
                    raise DockerfileError(did_you_mean(f"unsupported sharing value {quoted(value)}", value, _SHARING))
                self._texts[key] = value.lower()
            case "readonly" | "readwrite":
                self._readonly = _truth(written, value) is (key == "readonly")
            case "required":
                self._only(key, "secret", "ssh")
                self._required = _truth(key, value)
            case "size":
                self._only(key, "tmpfs")
                self._numbers[key] = _size(value)
            case "mode" | "uid" | "gid":
                self._numbers[key] = _number(key, value)
            case "from" | "source" | "target" | "id" | "env":
                self._texts[key] = value
            case _:
                raise DockerfileError(did_you_mean(f"unexpected key '{written}' in '{field}'", written, _KEYS))

    def _only(self, key: str, *types: str) -> None:
        if self._type not in types:
            raise DockerfileError(f"unexpected key '{key}' for mount type '{self._type}'")

    def _check_secret(self) -> None:
        texts = self._texts
        if texts.get("from"):
            raise DockerfileError("secret mount should not have a from")
        if texts.get("sharing"):
            raise DockerfileError("secret mount should not define sharing")
        if not any(texts.get(key) for key in ("source", "target", "id")):
            raise DockerfileError("invalid secret mount. one of source, target required")
        if texts.get("source") and texts.get("id"):
            raise DockerfileError("both source and id can't be set")


def _truth(key: str, value: str) -> bool:
    if value not in _TRUTHS:
        raise DockerfileError(f"invalid value for {key}: {value}")
    return _TRUTHS[value]


def _size(value: str) -> int:
    try:
        return parse_size(value)
    except InvalidArgument:
        raise DockerfileError(f"invalid value for size: {value}") from None


def _number(key: str, value: str) -> int:
    pattern, base = (r"[0-7]{1,32}", 8) if key == "mode" else (r"[0-9]{1,32}", 10)
    if not re.fullmatch(pattern, value) or (number := int(value, base)) >= _UINT32:
        raise DockerfileError(f"invalid value {value} for {key}")
    return number


_FIELD = re.compile(r'"((?:[^"]|"")*+)"(?=,|\Z)|([^",][^",]*+|)(?=,|\Z)')


def _fields(text: str) -> list[str]:
    """Return the fields of a line of comma-separated values (RFC 4180). Raises DockerfileError."""
    if not text:
        raise DockerfileError("failed to parse csv mounts: EOF")
    fields: list[str] = []
    at = 0
    while at <= len(text):
        field = _FIELD.match(text, at)
        if field is None:
            complaint = 'extraneous or missing " in quoted-field' if text[at] == '"' else 'bare " in non-quoted-field'
            column = text.find('"', at + 1) + 1 or len(text) + 1
            message = f"parse error on line 1, column {column}: {complaint}"
            raise DockerfileError(f"failed to parse csv mounts: {message}")
        fields.append(field[1].replace('""', '"') if field[1] is not None else field[2])
        at = field.end() + 1
    return fields
