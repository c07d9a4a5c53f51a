"""Options made of pairs and lists: environment, labels, devices, limits, health, restart policy."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pogu.cli.units import parse_size
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


def labels(files: Iterable[str], given: Iterable[str], flag: str = "-l, --label") -> dict[str, str]:
    """Return labels of files and of `key=value` options."""
    lines = [line for name in files for line in _lines(name) if not line.startswith("#")]
    for text in given:
        _check_label(text, flag)
    return {key: value for key, _, value in (line.partition("=") for line in [*lines, *given])}


def _check_label(text: str, flag: str) -> None:
    key = text.partition("=")[0].lstrip()
    if not key:
        raise WrongValue(flag, text, f"invalid label '{text}': empty name")
    if any(letter.isspace() for letter in key):
        raise WrongValue(flag, text, f"label '{key}' contains whitespaces")


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
            raise InvalidArgument(f"bad format for path: {text}")
        if not _is_mode(mode):
            raise InvalidArgument(f"bad mode specified: {mode}")
        found.append({"PathOnHost": host, "PathInContainer": container, "CgroupPermissions": mode})
    return found


def _is_mode(text: str) -> bool:
    return bool(text) and set(text) <= set("rwm") and len(set(text)) == len(text)


_ULIMITS = frozenset(
    "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split()
)


def ulimits(given: Iterable[str]) -> list[dict[str, Any]]:
    """Return HostConfig.Ulimits of `name=soft[:hard]`; of two for one limit the last counts."""
    found: dict[str, dict[str, Any]] = {}
    for text in given:
        name, eq, values = text.partition("=")
        if not eq:
            raise WrongValue("--ulimit", text, f"invalid ulimit argument: {text}")
        if name not in _ULIMITS:
            raise WrongValue("--ulimit", text, f"invalid ulimit type: {name}")
        soft, hard = _soft_and_hard(text, values)
        found[name] = {"Name": name, "Soft": soft, "Hard": hard}
    return [found[name] for name in sorted(found)]


def _soft_and_hard(text: str, values: str) -> tuple[int, int]:
    parts = values.split(":")
    if len(parts) > 2:
        reason = f"too many limit value arguments - {values}, can only have up to two, `soft[:hard]`"
        raise WrongValue("--ulimit", text, reason)
    for part in parts:
        if not part.removeprefix("-").isdigit():
            raise WrongValue("--ulimit", text, f'strconv.ParseInt: parsing "{part}": invalid syntax')
    soft, hard = int(parts[0]), int(parts[-1])
    if hard != -1 and (soft == -1 or soft > hard):
        reason = f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}"
        raise WrongValue("--ulimit", text, reason)
    return soft, hard


def throttles(flag: str, given: Iterable[str], *, sizes: bool) -> list[dict[str, Any]]:
    """Return limits of `device:rate`; rates are bytes where `sizes`."""
    return [_throttle(flag, text, sizes=sizes) for text in given]


def _throttle(flag: str, text: str, *, sizes: bool) -> dict[str, Any]:
    path, rate = _device_and_number(flag, text)
    try:
        number = parse_size(rate) if sizes else int(rate)
    except (ValueError, InvalidArgument):
        number = -1
    if number < 0:
        form = "<device-path>:<number>[<unit>]" if sizes else "<device-path>:<number>"
        units = ". Unit is optional and can be kb, mb, or gb" if sizes else ""
        reason = f"invalid rate for device: {text}. The correct format is {form}. Number must be a positive integer"
        raise WrongValue(flag, text, reason + units)
    return {"Path": path, "Rate": number}


def _device_and_number(flag: str, text: str) -> tuple[str, str]:
    path, colon, number = text.partition(":")
    if not colon or not path:
        raise WrongValue(flag, text, f"bad format: {text}")
    if not path.startswith("/dev/"):
        raise WrongValue(flag, text, f"bad format for device path: {text}")
    return path, number


def weights(given: Iterable[str]) -> list[dict[str, Any]]:
    """Return HostConfig.BlkioWeightDevice of `device:weight`."""
    flag, found = "--blkio-weight-device", []
    for text in given:
        path, weight = _device_and_number(flag, text)
        if not weight.isdigit() or not (int(weight) == 0 or 10 <= int(weight) <= 1000):
            raise WrongValue(flag, text, f"invalid weight for device: {text}")
        found.append({"Path": path, "Weight": int(weight)})
    return found


def restart_policy(text: str | None) -> dict[str, Any]:
    """Return the policy of `no`, `always`, `unless-stopped` or `on-failure[:count]`."""
    name, colon, count = (text or "no").partition(":")
    if colon and not count.isdigit():
        raise InvalidArgument("invalid restart policy format: maximum retry count must be an integer")
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
    for name in names[1:]:
        if str(given[name] or "").startswith("-"):
            raise InvalidArgument(f"--{name.replace('_', '-')} cannot be negative")
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
    from pogu.engine.moments import parse_duration

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
        elif "=" in text or ":" in text or text == "no-new-privileges":
            options.append(text)
        else:
            raise InvalidArgument(f'Invalid --security-opt: "{text}"')
    return options, masked, read_only


def _profile(path: str) -> str:
    import json

    try:
        return json.dumps(json.loads(Path(path).read_text("utf-8")), separators=(",", ":"))
    except OSError as e:
        reason = f"open {path}: {(e.strerror or '').lower()}"
        raise InvalidArgument(f"opening seccomp profile ({path}) failed: {reason}") from e
    except ValueError as e:
        raise InvalidArgument(f"compacting json for seccomp profile ({path}) failed: {e}") from e


def gpus(text: str | None) -> list[dict[str, Any]] | None:
    """Return HostConfig.DeviceRequests of `--gpus`."""
    if not text:
        return None
    request: dict[str, Any] = {"Driver": "", "Count": 0, "DeviceIDs": None, "Capabilities": [["gpu"]], "Options": {}}
    for part in text.split(","):
        key, eq, value = part.partition("=")
        if not eq or key == "count":
            request["Count"] = _gpu_count(text, value if eq else part)
        elif key == "device":
            request["DeviceIDs"] = [value.strip('"')]
        elif key == "driver":
            request["Driver"] = value
        elif key == "capabilities":
            request["Capabilities"] = [[value, "gpu"]]
        else:
            raise WrongValue("--gpus", text, f"unexpected key '{key}' in '{part}'")
    return [request]


def _gpu_count(text: str, count: str) -> int:
    if count == "all":
        return -1
    if not count.removeprefix("-").isdigit():
        reason = f'invalid count ({count}): value must be either "all" or an integer: invalid syntax'
        raise WrongValue("--gpus", text, reason)
    return int(count)


def sysctls(given: Iterable[str]) -> dict[str, str]:
    """Return HostConfig.Sysctls; names that no namespace has are refused."""
    for text in given:
        name = text.partition("=")[0]
        allowed = name in _SYSCTLS or name.startswith(("net.", "fs.mqueue."))
        if not allowed or "=" not in text:
            raise WrongValue("--sysctl", text, f"sysctl '{text}' is not allowed")
    return pairs(given)


_SYSCTLS = frozenset(
    "kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni "
    "kernel.shm_rmid_forced".split()
)


def links(given: Iterable[str]) -> list[str]:
    """Return the links of `name[:alias]` options."""
    for text in given:
        if not text:
            raise WrongValue("--link", text, "empty string specified for links")
        if text.count(":") > 1:
            raise WrongValue("--link", text, f"bad format for links: {text}")
    return list(given)


def storage_options(given: Iterable[str]) -> dict[str, str]:
    """Return HostConfig.StorageOpt of `key=value` options."""
    if any("=" not in text for text in given):
        raise InvalidArgument("invalid storage option")
    return pairs(given)


def device_rules(given: Iterable[str]) -> list[str]:
    """Return rules such as `c 1:3 rwm`."""
    for text in given:
        if not re.fullmatch(r"[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}", text):
            raise WrongValue("--device-cgroup-rule", text, f"invalid device cgroup format '{text}'")
    return list(given)


def addresses(flag: str, given: Iterable[str]) -> list[str]:
    """Return IP addresses as they are."""
    import ipaddress

    for text in given:
        try:
            ipaddress.ip_address(text.strip())
        except ValueError:
            raise WrongValue(flag, text, f"IP address is not correctly formatted: {text}") from None
    return [text.strip() for text in given]
