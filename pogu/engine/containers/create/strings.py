"""Checks that keep hostile text out of files and arguments, and of the security options."""

from __future__ import annotations

from pogu.engine.model import ContainerConfig, HostConfig
from pogu.errors import InvalidArgument

_FLAGS = ("no-new-privileges", "writable-cgroups")
_KEYS = ("label", "apparmor", "seccomp", "no-new-privileges", "writable-cgroups", "systempaths")


def check_strings(config: ContainerConfig, host: HostConfig) -> None:
    """Raise InvalidArgument for null bytes in a command, and line feeds in what becomes a line of a file."""
    for word in [*(config.cmd or []), *(config.entrypoint or [])]:
        if "\0" in word:
            raise InvalidArgument("command contains a null byte")
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
