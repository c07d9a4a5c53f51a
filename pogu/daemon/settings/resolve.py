"""Merging what the flags and the files say into one checked `Settings`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pogu.daemon.settings import checks, files
from pogu.daemon.settings.options import BY_KEY, OPTIONS, Kind
from pogu.daemon.settings.values import MANY, from_file, from_flags
from pogu.errors import InvalidArgument

DEFAULT_ROOT = Path("/var/lib/pogu")
DEFAULT_RUN = Path("/run/pogu")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings come from: flags as given (key -> texts) and the two files (None is the default place)."""

    flags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    toml: Path | None = None
    json: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked settings of a daemon. `values` holds what was said explicitly, `warnings` what cannot be honoured."""

    values: Mapping[str, Any]
    sources: Sources
    warnings: tuple[str, ...] = ()

    def get(self, key: str) -> Any:
        """Return what was said of `key`, or its default (an empty list or map for options that add up)."""
        if key in self.values:
            return self.values[key]
        option = BY_KEY[key]
        if option.default is None and option.kind in MANY:
            return [] if option.kind in {Kind.LIST, Kind.POOLS} else {}
        return option.default

    def has(self, key: str) -> bool:
        """Return whether `key` was said explicitly."""
        return key in self.values

    @property
    def root(self) -> Path:
        return Path(self.get("data-root") or DEFAULT_ROOT).absolute()

    @property
    def run(self) -> Path:
        return Path(self.get("exec-root") or DEFAULT_RUN).absolute()

    @property
    def pidfile(self) -> Path:
        return Path(self.get("pidfile") or self.run / "pogu.pid").absolute()

    @property
    def socket(self) -> Path:
        return self.run / "pogu.sock"

    @property
    def hosts(self) -> list[str]:
        return list(self.get("hosts")) or [f"unix://{self.socket}"]

    @property
    def tls(self) -> bool:
        return bool(self.get("tls") or self.get("tlsverify"))

    @property
    def log_level(self) -> str:
        return "debug" if self.get("debug") else str(self.get("log-level"))

    def proxy(self, key: str) -> str:
        """Return `http-proxy`, `https-proxy` or `no-proxy` from the settings or the environment."""
        name = key.replace("-", "_")
        return str(self.get(key) or os.environ.get(name.upper()) or os.environ.get(name) or "")


def resolve(sources: Sources) -> Settings:
    """Read the files, merge them with the flags, check everything.

    Raises:
        InvalidArgument: with dockerd's words where dockerd has the same rule: unknown keys, wrong types, the same
            thing said twice, values that make no sense, and options that cannot be honoured and must not be ignored.
    """
    values: dict[str, Any] = {}
    for key, given in sources.flags.items():
        values[key] = from_flags(BY_KEY[key], given)
    for path, required in _config_files(sources):
        _merge(values, sources.flags, path, files.read(path, required=required))
    if "host-gateway-ip" in values:
        values.setdefault("host-gateway-ips", [values["host-gateway-ip"]])
    checks.check(values)
    return Settings(values, sources, tuple(_warnings(values)))


def _config_files(sources: Sources) -> list[tuple[Path, bool]]:
    return [
        (sources.toml or files.DEFAULT_TOML, sources.toml is not None),
        (sources.json or files.DEFAULT_JSON, sources.json is not None),
    ]


def _merge(values: dict[str, Any], flags: Mapping[str, object], path: Path, said: Mapping[str, Any]) -> None:
    conflicts = [_conflict(key, values[key], value) for key, value in said.items() if key in values]
    if conflicts:
        kind = "both as a flag and in the configuration file" if flags else "more than once"
        raise InvalidArgument(
            f"unable to configure the Pogu daemon with file {path}: "
            f"the following directives are specified {kind}: {', '.join(conflicts)}"
        )
    for key, value in said.items():
        values[key] = from_file(BY_KEY[key], value)


def _conflict(key: str, ours: object, theirs: object) -> str:
    if key.endswith("-proxy"):  # may hold a password
        ours = theirs = "xxxxx"
    return f"{key}: (from flag: {_go(ours)}, from file: {_go(theirs)})"


def _go(value: object) -> str:
    """Return a value as Go's %v prints it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + " ".join(_go(item) for item in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go(item)}" for key, item in value.items()) + "]"
    return str(value)


def _warnings(values: Mapping[str, Any]) -> list[str]:
    found = []
    for option in OPTIONS:
        value = values.get(option.key)
        if option.key not in values or value == option.default or not (value or option.default):
            continue
        if option.refusal:
            raise InvalidArgument(f"{option.key}: {option.refusal}")
        if option.warning:
            found.append(f"{option.key}: {option.warning}")
    return found
