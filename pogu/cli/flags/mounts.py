"""`--mount` (docker's comma separated form) and the paths of `-v`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pogu.cli.units import parse_size
from pogu.cli.wrong import WrongValue
from pogu.errors import InvalidArgument

_SWITCHES = {"readonly", "ro", "volume-nocopy", "bind-nonrecursive"}


def parse_mount(text: str) -> dict[str, Any]:
    """Return an entry of HostConfig.Mounts. Raises InvalidArgument in docker's words."""
    if not text:
        raise WrongValue("--mount", text, "EOF")
    import csv

    mount: dict[str, Any] = {"Type": "volume"}
    for part in next(csv.reader([text])):
        key, eq, value = part.partition("=")
        key = key.strip().lower()
        if not eq and key not in _SWITCHES:
            raise WrongValue("--mount", text, f"invalid field '{part}' must be a key=value pair")
        _set(mount, key, value if eq else "true", text)
    _check(mount, text)
    return mount


def _set(mount: dict[str, Any], key: str, value: str, text: str) -> None:
    if key == "type":
        mount["Type"] = value.lower()
    elif key in {"source", "src"}:
        mount["Source"] = str(Path(value).absolute()) if value.startswith(".") else value
    elif key in {"target", "dst", "destination"}:
        mount["Target"] = value
    elif key in {"readonly", "ro"}:
        mount["ReadOnly"] = _bool(key, value, text)
    elif key == "consistency":
        mount["Consistency"] = value.lower()
    elif key in _OPTIONS:
        group, name, convert = _OPTIONS[key]
        mount.setdefault(group, {})[name] = convert(key, value, text)
    elif key in {"volume-label", "volume-opt"}:
        name, _, content = value.partition("=")
        options = mount.setdefault("VolumeOptions", {})
        into = options.setdefault("Labels", {}) if key == "volume-label" else _driver(options).setdefault("Options", {})
        into[name] = content
    elif key == "volume-driver":
        _driver(mount.setdefault("VolumeOptions", {}))["Name"] = value
    elif key == "bind-recursive":
        _recursive(mount.setdefault("BindOptions", {}), value, text)
    else:
        raise WrongValue("--mount", text, f"unexpected key '{key}' in '{key}={value}'")


def _driver(options: dict[str, Any]) -> dict[str, Any]:
    driver: dict[str, Any] = options.setdefault("DriverConfig", {})
    return driver


def _bool(key: str, value: str, text: str) -> bool:
    if value.lower() in {"1", "t", "true"}:
        return True
    if value.lower() in {"0", "f", "false"}:
        return False
    raise WrongValue("--mount", text, f"invalid value for {key}: {value}")


def _text(_key: str, value: str, _text: str) -> str:
    return value


def _size(key: str, value: str, text: str) -> int:
    try:
        return parse_size(value)
    except InvalidArgument:
        raise WrongValue("--mount", text, f"invalid value for {key}: {value}") from None


def _mode(key: str, value: str, text: str) -> int:
    try:
        return int(value, 8)
    except ValueError:
        raise WrongValue("--mount", text, f"invalid value for {key}: {value}") from None


_OPTIONS = {
    "bind-propagation": ("BindOptions", "Propagation", _text),
    "bind-nonrecursive": ("BindOptions", "NonRecursive", _bool),
    "volume-nocopy": ("VolumeOptions", "NoCopy", _bool),
    "volume-subpath": ("VolumeOptions", "Subpath", _text),
    "image-subpath": ("ImageOptions", "Subpath", _text),
    "tmpfs-size": ("TmpfsOptions", "SizeBytes", _size),
    "tmpfs-mode": ("TmpfsOptions", "Mode", _mode),
}


def _recursive(options: dict[str, Any], value: str, text: str) -> None:
    fields = {
        "enabled": None,
        "disabled": "NonRecursive",
        "writable": "ReadOnlyNonRecursive",
        "readonly": "ReadOnlyForceRecursive",
    }
    if value not in fields:
        known = '(must be "enabled", "disabled", "writable", or "readonly")'
        raise WrongValue("--mount", text, f"invalid value for bind-recursive: {value} {known}")
    if fields[value]:
        options[str(fields[value])] = True


def _check(mount: dict[str, Any], text: str) -> None:
    if not mount.get("Target"):
        raise WrongValue("--mount", text, "target is required")
    groups = {"bind": "BindOptions", "volume": "VolumeOptions", "tmpfs": "TmpfsOptions", "image": "ImageOptions"}
    for kind, group in groups.items():
        if group in mount and mount["Type"] != kind:
            reason = f"cannot mix '{kind}-*' options with mount type '{mount['Type']}'"
            raise WrongValue("--mount", text, reason)


def absolute_bind(spec: str) -> str:
    """Return a `-v` spec with a relative or `~` host path made absolute, as docker's command does."""
    source, colon, rest = spec.partition(":")
    if colon and source.startswith("."):
        return f"{Path(source).resolve()}:{rest}"
    return spec
