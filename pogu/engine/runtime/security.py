"""`--security-opt`: its values, and the seccomp profile they lead to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pogu.engine.runtime import seccomp
from pogu.engine.runtime.host import HostFacts
from pogu.errors import InvalidArgument

Json = dict[str, Any]


@dataclass(slots=True)
class SecurityOptions:
    """`seccomp` is a profile's JSON text, "builtin", "unconfined" or "" (the engine's default)."""

    no_new_privileges: bool = False
    writable_cgroups: bool | None = None  # None: as privileged
    seccomp: str = ""
    apparmor: str = ""


def parse_security_options(options: Iterable[str] | None, no_new_privileges: bool = False) -> SecurityOptions:
    """Read the options; `key:value` is an old form of `key=value`. Raises InvalidArgument in Docker's words.

    SELinux labels are accepted and have no effect.
    """
    found = SecurityOptions(no_new_privileges=no_new_privileges)
    for option in options or ():
        key, separator, value = option.partition("=" if "=" in option else ":")
        if not separator:
            _set_flag(found, option)
        elif key == "seccomp":
            found.seccomp = value
        elif key == "apparmor":
            found.apparmor = value
        elif key in ("no-new-privileges", "writable-cgroups"):
            _set_boolean(found, option, key, value)
        elif key not in ("label", "systempaths"):
            raise InvalidArgument(f'invalid --security-opt 2: "{option}"')
    return found


def seccomp_profile(
    options: SecurityOptions, capabilities: frozenset[str], host: HostFacts, default_path: str, *, privileged: bool
) -> Json | None:
    """Return the OCI seccomp profile, None for none (a privileged container has only what it asks for).

    `default_path` is the engine's: a file, "unconfined", or "" for the built-in one. Raises InvalidArgument.
    """
    wanted = options.seccomp
    if wanted == "unconfined" or (privileged and not wanted):
        return None
    if not wanted:
        if default_path == "unconfined":
            return None
        if default_path in ("", "builtin"):
            return seccomp.builtin(capabilities, host.machine, host.kernel)
        try:
            wanted = Path(default_path).read_text()
        except OSError as e:
            raise InvalidArgument(f"opening seccomp profile ({default_path}) failed: {e.strerror}") from None
    if wanted == "builtin":
        return seccomp.builtin(capabilities, host.machine, host.kernel)
    return seccomp.parse(wanted, capabilities, host.machine, host.kernel)


def _set_flag(found: SecurityOptions, option: str) -> None:
    if option == "no-new-privileges":
        found.no_new_privileges = True
    elif option == "writable-cgroups":
        found.writable_cgroups = True
    elif option != "disable":
        raise InvalidArgument(f'invalid --security-opt 1: "{option}"')


def _set_boolean(found: SecurityOptions, option: str, key: str, value: str) -> None:
    if value.lower() not in ("1", "0", "t", "f", "true", "false"):
        raise InvalidArgument(f'invalid --security-opt 2: "{option}"')
    setattr(found, key.replace("-", "_"), value.lower() in ("1", "t", "true"))
