"""From what was written, as a flag or in a file, to the Python value of an option's kind.

Errors are InvalidArgument with the words dockerd (pflag and Go's JSON decoder) would use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from pogu.daemon.settings.options import Kind, Option
from pogu.errors import InvalidArgument

_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}
_SIZE = re.compile(r"(-?\d+(?:\.\d+)?) ?([kKmMgGtTpP])?[iI]?[bB]?")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40, "p": 1 << 50}
_GO_TYPES = {bool: "bool", str: "string", int: "number", float: "number", list: "array", dict: "object"}
# What can be given once replaces, what can be given many times adds up.
MANY = frozenset({Kind.LIST, Kind.MAP, Kind.ULIMITS, Kind.POOLS, Kind.RUNTIMES, Kind.NETWORK_OPTS, Kind.FEATURES})


def from_flags(option: Option, given: Sequence[str]) -> Any:
    """Return the value of an option that was given as a flag, once for each of `given`."""
    try:
        if option.kind in MANY:
            return _FLAG_MANY[option.kind](given)
        return _FLAG_ONE[option.kind](given[-1])
    except ValueError as e:
        flag = next((f for f in option.flags if f == f"--{option.key}"), option.flags[-1])
        short = next((f for f in option.flags if len(f) == 2), "")
        names = f"{short}, {flag}" if short else flag
        raise InvalidArgument(f'invalid argument "{given[-1]}" for "{names}" flag: {e}') from None


def from_file(option: Option, value: Any) -> Any:
    """Return the value of an option that a configuration file holds as `value` (JSON or TOML types)."""
    try:
        return _FROM_FILE[option.kind](value)
    except _WrongType:
        kind = _GO_TYPES.get(type(value), "null")
        raise InvalidArgument(
            f"json: cannot unmarshal {kind} into Go struct field Config.{option.key} of type {option.kind.value}"
        ) from None
    except ValueError as e:
        raise InvalidArgument(f"invalid value of {option.key}: {e}") from None


def parse_size(text: str) -> int:
    """Return bytes of a size such as `64M` or `1.5GiB` (units are powers of 1024). Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"invalid size: '{text}'")
    return int(float(match[1]) * _UNITS[(match[2] or "").lower()])


class _WrongType(Exception):
    pass


def _switch(text: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ValueError(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _pair(text: str) -> tuple[str, str]:
    key, eq, value = text.partition("=")
    if not eq or not key:
        raise ValueError(f"invalid key=value pair: {text}")
    return key, value


def _ulimits(given: Sequence[str]) -> dict[str, tuple[int, int]]:
    limits = {}
    for text in given:
        name, eq, values = text.partition("=")
        soft, colon, hard = values.partition(":")
        if not eq or not name:
            raise ValueError(f"invalid ulimit argument: {text}")
        limits[name] = (_number(soft), _number(hard if colon else soft))
        if _exceeds(*limits[name]):
            raise ValueError(f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}")
    return limits


def _exceeds(soft: int, hard: int) -> bool:
    return hard != -1 and (soft == -1 or soft > hard)


def _pools(given: Sequence[str]) -> list[tuple[str, int]]:
    pools = []
    for text in given:
        fields = dict(_pair(part) for part in text.split(","))
        if set(fields) != {"base", "size"}:
            raise ValueError("a pool needs base=CIDR and size=PREFIX")
        pools.append((fields["base"], _number(fields["size"])))
    return pools


def _runtimes(given: Sequence[str]) -> dict[str, tuple[str, list[str]]]:
    return {name: (path, []) for name, path in (_pair(text) for text in given)}


def _network_opts(given: Sequence[str]) -> dict[str, dict[str, str]]:
    options: dict[str, dict[str, str]] = {}
    for text in given:
        driver, rest = _pair(text)
        key, value = _pair(rest)
        options.setdefault(driver, {})[key] = value
    return options


_FLAG_ONE: dict[Kind, Callable[[str], Any]] = {
    Kind.SWITCH: _switch,
    Kind.TEXT: str,
    Kind.NUMBER: _number,
    Kind.SIZE: parse_size,
}
_FLAG_MANY: dict[Kind, Callable[[Sequence[str]], Any]] = {
    Kind.LIST: list,
    Kind.MAP: lambda given: dict(_pair(text) for text in given),
    Kind.ULIMITS: _ulimits,
    Kind.POOLS: _pools,
    Kind.RUNTIMES: _runtimes,
    Kind.NETWORK_OPTS: _network_opts,
    Kind.FEATURES: lambda given: {key: _switch(value) for key, value in (_pair(text) for text in given)},
}


def _typed(type_: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not type_:
            raise _WrongType
        return value

    return check


_text, _object = _typed(str), _typed(dict)


def _file_size(value: Any) -> int:
    return value if type(value) is int else parse_size(_text(value))


def _file_list(value: Any) -> list[str]:
    return [_text(item) for item in _typed(list)(value)]


def _file_map(value: Any) -> dict[str, str]:
    return {key: _text(item) for key, item in _object(value).items()}


def _file_ulimits(value: Any) -> dict[str, tuple[int, int]]:
    limits = {}
    for name, entry in _object(value).items():
        fields = {key.lower(): item for key, item in _object(entry).items()}
        soft, hard = _typed(int)(fields.get("soft", 0)), _typed(int)(fields.get("hard", 0))
        if _exceeds(soft, hard):
            raise ValueError(f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}")
        limits[name] = (soft, hard)
    return limits


def _file_pools(value: Any) -> list[tuple[str, int]]:
    entries = [_object(entry) for entry in _typed(list)(value)]
    return [(_text(e.get("base")), _typed(int)(e.get("size"))) for e in entries]


def _file_runtimes(value: Any) -> dict[str, tuple[str, list[str]]]:
    runtimes = {}
    for name, entry in _object(value).items():
        if _object(entry).get("runtimeType"):
            raise ValueError(f"runtime {name}: runtimeType is for containerd's shims; give the path of an OCI runtime")
        runtimes[name] = (_text(entry.get("path", "")), _file_list(entry.get("runtimeArgs") or []))
        if not runtimes[name][0]:
            raise ValueError(f"runtime {name}: either a runtimeType or a path must be configured")
    return runtimes


_FROM_FILE: dict[Kind, Callable[[Any], Any]] = {
    Kind.SWITCH: _typed(bool),
    Kind.TEXT: _text,
    Kind.NUMBER: _typed(int),
    Kind.SIZE: _file_size,
    Kind.LIST: _file_list,
    Kind.MAP: _file_map,
    Kind.ULIMITS: _file_ulimits,
    Kind.POOLS: _file_pools,
    Kind.RUNTIMES: _file_runtimes,
    Kind.NETWORK_OPTS: lambda value: {driver: _file_map(options) for driver, options in _object(value).items()},
    Kind.FEATURES: lambda value: {key: _typed(bool)(item) for key, item in _object(value).items()},
    Kind.OBJECT: _object,
}
