"""How Go prints, compares and judges values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_GO_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")


class Struct(dict[str, Any]):
    """An object that has the fields it has and no others. `kind` is the type's name in errors."""

    def __init__(self, fields: Mapping[str, Any], kind: str) -> None:
        super().__init__(fields)
        self.kind = kind


class Row(Struct):
    """What a list shows of one object: fields, and methods of one argument."""

    def fields(self) -> dict[str, Any]:
        """Return the fields in order."""
        return {key: self[key] for key in sorted(self) if not callable(self[key])}


def printed(value: Any, name: str = "") -> str:
    """Return a value as Go's `%v` prints it. `name` is the field's, which tells a map from a struct."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e21 and value != int(value) else f"{value:.0f}"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(_inner(item) for item in value) + "]"
    if isinstance(value, dict) and name not in _MAPS and looks_like_struct(value) and not isinstance(value, Row):
        return "{" + " ".join(_inner(item, key) for key, item in value.items()) + "}"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_inner(value[key])}" for key in sorted(value)) + "]"
    return str(value)


# Fields of the API whose `null` is a list or a map of Go's that was never made.
_LISTS = frozenset(
    "Aliases Args Binds CapAdd CapDrop Cmd DeviceCgroupRules DeviceRequests Devices Dns DnsOptions DnsSearch "
    "Entrypoint Env ExecIDs ExtraHosts GroupAdd Links MaskedPaths Mounts OnBuild ReadonlyPaths RepoDigests RepoTags "
    "SecurityOpt Shell Ulimits VolumesFrom Warnings".split()
)
_MAPS = frozenset(
    "Annotations DriverOpts ExposedPorts Labels Networks Options PortBindings Ports StorageOpt Sysctls Tmpfs "
    "Volumes".split()
)


def printed_null(field: str) -> str:
    """Return how Go prints a field that is `null` in JSON: an empty list or map, or no value."""
    if field in _POINTERS:
        return "<nil>"
    return "[]" if field in _LISTS else "map[]" if field in _MAPS else printed(None)


# Fields that the API leaves out where they are not set, and what they are in Go then.
OPTIONAL: dict[str, Any] = {
    **dict.fromkeys(("Health", "Healthcheck", "Init", "StopTimeout", "Entrypoint", "Cmd", "Env", "Shell", "OnBuild")),
    **dict.fromkeys(("Annotations", "StorageOpt", "Sysctls", "Tmpfs", "ExposedPorts", "Volumes", "Labels")),
    **dict.fromkeys(("StopSignal", "Runtime", "User", "WorkingDir", "Hostname", "Domainname", "Variant"), ""),
    "Mounts": [],
}
_POINTERS = frozenset("Health Healthcheck Init StopTimeout PidsLimit OomKillDisable MemorySwappiness".split())


def _inner(value: Any, name: str = "") -> str:
    if value is None:
        return printed_null(name) if name in _LISTS | _MAPS else "<nil>"
    return printed(value, name)


def truth(value: Any) -> bool:
    """Return whether Go's `if` takes the value for true: not false, 0, nil or empty."""
    return bool(value)


def to_json(value: Any) -> str:
    """Return compact JSON as Go writes it; docker makes `<`, `>` and `&` safe for HTML in whole rows alone."""
    if isinstance(value, Row):
        text = to_json(value.fields())
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return json.dumps(_in_order(value), separators=(",", ":"), ensure_ascii=False)


def _in_order(value: Any) -> Any:
    """Sort the keys of what were maps in Go; structs, which have names in capitals, keep their fields' order."""
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    if isinstance(value, Row):
        return value.fields()
    if not isinstance(value, dict):
        return value
    keys = list(value) if any(key[:1].isupper() for key in value) else sorted(value)
    return {key: _in_order(value[key]) for key in keys}


def looks_like_struct(value: dict[str, Any]) -> bool:
    """Return whether a JSON object came from a Go struct, whose fields are known, not from a map."""
    return bool(value) and all(_GO_NAME.fullmatch(key) for key in value)
