"""Options made of pairs and lists: environment, labels, devices, limits, health, restart policy."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pogu.cli.units import parse_duration, parse_size
from pogu.cli.wrong import WrongValue
from pogu.errors import InvalidArgument


def environment(files: Iterable[str], given: Iterable[str]) -> list[str]:
    """Return `NAME=value` entries; a name alone takes its value from this process, or is left out."""
    entries = []
    for name in files:
        entries += [_resolved(line) for line in _lines(name) if not line.startswith("#")]
    return [entry for entry in [*entries, *map(_resolved, given)] if entry]


def _resolved(entry: str) -> str:
    name, eq, _ = entry.partition("=")
    if not name.strip():
        raise WrongValue("-e, --env", entry, f"invalid environment variable: {entry}")
    if eq:
        return entry
    return f"{name}={os.environ[name]}" if name in os.environ else ""


def labels(files: Iterable[str], given: Iterable[str]) -> dict[str, str]:
    """Return labels of files and of `key=value` options."""
    lines = [line for name in files for line in _lines(name) if not line.startswith("#")]
    return {key: value for key, _, value in (line.partition("=") for line in [*lines, *given])}


def _lines(name: str) -> list[str]:
    try:
        text = Path(name).read_text("utf-8")
    except FileNotFoundError:
        raise InvalidArgument(f"open {name}: no such file or directory") from None
    return [line.lstrip() for line in text.splitlines() if line.strip()]


def pairs(given: Iterable[str]) -> dict[str, str]:
    """Return `key=value` texts as a map; a key alone has an empty value."""
    return {key: value for key, _, value in (text.partition("=") for text in given)}


def capability(name: str) -> str:
    """Return a capability's full name: `net_admin` is `CAP_NET_ADMIN`, `all` is `ALL`."""
    upper = name.strip().upper()
    return upper if upper == "ALL" or upper.startswith("CAP_") else f"CAP_{upper}"


def devices(given: Iterable[str]) -> list[dict[str, str]]:
    """Return HostConfig.Devices of `host[:container][:rwm]`."""
    found = []
    for text in given:
        parts = text.split(":")
        host, container, mode = parts[0], parts[0], "rwm"
        if len(parts) == 3:
            _, container, mode = parts
        elif len(parts) == 2:
            container, mode = (parts[0], parts[1]) if _is_mode(parts[1]) else (parts[1], mode)
        elif len(parts) > 3:
            raise InvalidArgument(f"invalid device specification: {text}")
        if not _is_mode(mode):
            raise InvalidArgument(f"invalid mode for device: {text}")
        found.append({"PathOnHost": host, "PathInContainer": container, "CgroupPermissions": mode})
    return found


def _is_mode(text: str) -> bool:
    return bool(text) and set(text) <= set("rwm") and len(set(text)) == len(text)


def ulimits(given: Iterable[str]) -> list[dict[str, Any]]:
    """Return HostConfig.Ulimits of `name=soft[:hard]`."""
    found = []
    for text in given:
        name, _, values = text.partition("=")
        soft, colon, hard = values.partition(":")
        try:
            entry = {"Name": name, "Soft": int(soft), "Hard": int(hard if colon else soft)}
        except ValueError:
            raise WrongValue("--ulimit", text, f"invalid ulimit argument: {text}") from None
        found.append(entry)
    return found


def throttles(given: Iterable[str], *, sizes: bool) -> list[dict[str, Any]] | None:
    """Return limits of `device:rate`; rates are bytes where `sizes`."""
    return [_throttle(text, sizes=sizes) for text in given] or None


def _throttle(text: str, *, sizes: bool) -> dict[str, Any]:
    path, colon, rate = text.rpartition(":")
    if not colon or not path.startswith("/dev/"):
        raise InvalidArgument(f"bad format for device path: {text}")
    try:
        return {"Path": path, "Rate": parse_size(rate) if sizes else int(rate)}
    except (ValueError, InvalidArgument):
        raise InvalidArgument(f"invalid rate for device: {text}") from None


def weights(given: Iterable[str]) -> list[dict[str, Any]] | None:
    """Return HostConfig.BlkioWeightDevice of `device:weight`."""
    found = []
    for text in given:
        path, colon, weight = text.rpartition(":")
        if not colon or not path.startswith("/dev/") or not weight.isdigit():
            raise InvalidArgument(f"bad format for device path: {text}")
        found.append({"Path": path, "Weight": int(weight)})
    return found or None


def restart_policy(text: str | None) -> dict[str, Any]:
    """Return the policy of `no`, `always`, `unless-stopped` or `on-failure[:count]`."""
    name, colon, count = (text or "no").partition(":")
    if colon and not count.isdigit():
        raise InvalidArgument(f"invalid restart policy format: maximum retry count must be an integer: {text}")
    return {"Name": name, "MaximumRetryCount": int(count) if colon else 0}


def healthcheck(given: dict[str, Any]) -> dict[str, Any] | None:
    """Return Config.Healthcheck of the `--health-…` options, None where none was given."""
    names = (
        "health_cmd",
        "health_interval",
        "health_timeout",
        "health_start_period",
        "health_start_interval",
        "health_retries",
    )
    if given["no_healthcheck"]:
        if any(given[name] for name in names):
            raise InvalidArgument("--no-healthcheck conflicts with --health-* options")
        return {"Test": ["NONE"]}
    if not any(given[name] is not None for name in names):
        return None
    test = ["CMD-SHELL", given["health_cmd"]] if given["health_cmd"] else None
    return {
        "Test": test,
        "Interval": _duration("--health-interval", given["health_interval"]),
        "Timeout": _duration("--health-timeout", given["health_timeout"]),
        "StartPeriod": _duration("--health-start-period", given["health_start_period"]),
        "StartInterval": _duration("--health-start-interval", given["health_start_interval"]),
        "Retries": given["health_retries"] or 0,
    }


def _duration(flag: str, text: str | None) -> int:
    try:
        return parse_duration(text or "0")
    except InvalidArgument as e:
        raise WrongValue(flag, text or "", e.message) from e


def security_options(given: Sequence[str]) -> tuple[list[str], list[str] | None, list[str] | None]:
    """Return (options, masked paths, read-only paths); `seccomp=FILE` is read here, `systempaths=unconfined` clears."""
    options: list[str] = []
    masked: list[str] | None = None
    read_only: list[str] | None = None
    for text in given:
        key, _, value = text.partition("=")
        if key == "systempaths" and value == "unconfined":
            masked = read_only = []
        elif key == "seccomp" and value not in {"unconfined", "builtin", ""}:
            options.append(f"seccomp={_profile(value)}")
        else:
            options.append(text)
    return options, masked, read_only


def _profile(path: str) -> str:
    import json

    try:
        return json.dumps(json.loads(Path(path).read_text("utf-8")), separators=(",", ":"))
    except OSError as e:
        raise InvalidArgument(f"opening seccomp profile ({path}) failed: {e.strerror}") from e
    except ValueError as e:
        raise InvalidArgument(f"compacting json for seccomp profile ({path}) failed: {e}") from e


def gpus(text: str | None) -> list[dict[str, Any]] | None:
    """Return HostConfig.DeviceRequests of `--gpus`."""
    if not text:
        return None
    request: dict[str, Any] = {"Driver": "", "Count": 0, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}
    for part in text.split(","):
        key, eq, value = part.partition("=")
        if part == "all" or (key == "count" and value == "all"):
            request["Count"] = -1
        elif not eq or key == "count":
            request["Count"] = int(value or part)
        elif key == "device":
            request["DeviceIDs"] = [value.strip('"')]
        elif key == "driver":
            request["Driver"] = value
        elif key == "capabilities":
            request["Capabilities"] = [[value, "gpu"]]
    return [request]
