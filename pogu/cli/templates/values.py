"""How Go prints, compares and judges values."""

from __future__ import annotations

import json
import re
from typing import Any

_GO_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")


def printed(value: Any) -> str:
    """Return a value as Go's `%v` prints it."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e21 and value != int(value) else f"{value:.0f}"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(_inner(item) for item in value) + "]"
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
    return "[]" if field in _LISTS else "map[]" if field in _MAPS else printed(None)


def _inner(value: Any) -> str:
    return "<nil>" if value is None else printed(value)


def truth(value: Any) -> bool:
    """Return whether Go's `if` takes the value for true: not false, 0, nil or empty."""
    return bool(value)


def to_json(value: Any) -> str:
    """Return compact JSON as Go writes it (`<`, `>` and `&` are not escaped by docker's own encoder)."""
    return json.dumps(_in_order(value), separators=(",", ":"), ensure_ascii=False)


def _in_order(value: Any) -> Any:
    """Sort the keys of what were maps in Go; structs, which have names in capitals, keep their fields' order."""
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value) if any(key[:1].isupper() for key in value) else sorted(value)
    return {key: _in_order(value[key]) for key in keys}


def looks_like_struct(value: dict[str, Any]) -> bool:
    """Return whether a JSON object came from a Go struct, whose fields are known, not from a map."""
    return bool(value) and all(_GO_NAME.fullmatch(key) for key in value)
