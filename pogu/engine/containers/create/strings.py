"""Checks that keep hostile text out of files and arguments, and of the security options."""

from __future__ import annotations

from typing import Any

import msgspec

from pogu.engine.model import ContainerConfig, HostConfig
from pogu.errors import InvalidArgument

_FOR_PEOPLE = ("labels", "annotations")
_FLAGS = ("no-new-privileges", "writable-cgroups")
_KEYS = ("label", "apparmor", "seccomp", "no-new-privileges", "writable-cgroups", "systempaths")


def check_strings(config: ContainerConfig, host: HostConfig) -> None:
    """Raise InvalidArgument for null bytes, and line feeds in what becomes a line of a file.

    What reads the settings at last, the runtime and the kernel, ends a text at its first null byte: another path or
    name than the one that was checked. Labels and annotations are for people alone.
    """
    for word in [*(config.cmd or []), *(config.entrypoint or [])]:
        if "\0" in word:
            raise InvalidArgument("command contains a null byte")
    for settings in (config, host):
        for name in settings.__struct_fields__:
            if name not in _FOR_PEOPLE and _holds_null(getattr(settings, name)):
                raise InvalidArgument(f"invalid {name.replace('_', ' ')}: it contains a null byte")
    lines = (
        ("hostname", [config.hostname or ""]),
        ("domainname", [config.domainname or ""]),
        ("user", [config.user or ""]),
        ("working directory", [config.working_dir or ""]),
        ("extra host", host.extra_hosts or []),
        ("DNS server", host.dns or []),
        ("DNS search domain", host.dns_search or []),
        ("DNS option", host.dns_options or []),
    )
    for name, values in lines:
        for value in values:
            if "\n" in value or "\0" in value:
                raise InvalidArgument(f"invalid {name}: it contains a line feed or a null byte")


def _holds_null(value: Any) -> bool:
    """Tell whether there is a null byte in a value or anything in it, however deep."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, msgspec.Struct):
            waiting += [getattr(item, name) for name in item.__struct_fields__]
    return False


def check_security_options(host: HostConfig) -> None:
    """Raise InvalidArgument for a `--security-opt` that Docker does not have."""
    for option in host.security_opt or []:
        separator = "=" if "=" in option else ":"
        key, found, value = option.partition(separator)
        if not found:
            if option not in _FLAGS:
                raise InvalidArgument(f'invalid --security-opt 1: "{option}"')
        elif key not in _KEYS or (key in _FLAGS and value not in ("true", "false", "1", "0")):
            raise InvalidArgument(f'invalid --security-opt 2: "{option}"')
