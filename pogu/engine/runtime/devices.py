"""Devices: which nodes a container has, and which numbers its cgroup lets it use."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pogu.engine.model import DeviceMapping
from pogu.errors import InvalidArgument

Json = dict[str, Any]

_RULE = re.compile(r"([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})")
# Below these of /dev a privileged container gets file systems of its own, or nothing.
_NOT_OF_THE_HOST = ("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev")


def _rule(kind: str, major: int | None, minor: int | None, access: str = "rwm", allow: bool = True) -> Json:
    rule: Json = {"allow": allow, "access": access}
    if kind != "a":
        rule["type"] = kind
    if major is not None:
        rule["major"] = major
    if minor is not None:
        rule["minor"] = minor
    return rule


ALLOW_ALL: list[Json] = [_rule("a", None, None)]
# Nothing but: making any node, and null, zero, full, random, urandom, tty, console, ptmx and pseudo-terminals.
DEFAULT_RULES: list[Json] = [
    _rule("a", None, None, allow=False),
    _rule("c", None, None, "m"),
    _rule("b", None, None, "m"),
    _rule("c", 1, 3),
    _rule("c", 1, 5),
    _rule("c", 1, 7),
    _rule("c", 1, 8),
    _rule("c", 1, 9),
    _rule("c", 5, 0),
    _rule("c", 5, 1),
    _rule("c", 5, 2),
    _rule("c", 136, None),
]


def parse_rules(rules: Iterable[str] | None) -> list[Json]:
    """Return the cgroup rules of `--device-cgroup-rule` (`c 42:* rmw`). Raises InvalidArgument."""
    found = []
    for text in rules or ():
        match = _RULE.fullmatch(text)
        if not match:
            raise InvalidArgument(f"invalid device cgroup rule format: '{text}'")
        kind, major, minor, access = match.groups()
        found.append(_rule(kind, None if major == "*" else int(major), None if minor == "*" else int(minor), access))
    return found


def mapped(mapping: DeviceMapping) -> tuple[list[Json], list[Json]]:
    """Return the nodes and cgroup rules of one `--device`; a directory stands for all devices below it.

    Raises InvalidArgument when there is no device.
    """
    source = os.path.realpath(mapping.path_on_host)
    target = mapping.path_in_container or mapping.path_on_host
    access = mapping.cgroup_permissions or "rwm"
    nodes = [node for path in _below(source) if (node := _node(path, target + path.removeprefix(source)))]
    if not nodes:
        reason = "not a device node" if Path(source).exists() else "no such file or directory"
        raise InvalidArgument(
            f'error gathering device information while adding custom device "{mapping.path_on_host}": {reason}'
        )
    return nodes, [_rule(node["type"], node["major"], node["minor"], access) for node in nodes]


def of_host(directory: str = "/dev") -> list[Json]:
    """Return all device nodes of the host, for a privileged container."""
    found = []
    for path in _below(directory, _NOT_OF_THE_HOST):
        if path == f"{directory}/console":  # the runtime makes it, or the container's terminal stands for it
            continue
        if node := _node(path, path):
            found.append(node)
    return found


def number(path: str) -> tuple[int, int]:
    """Return (major, minor) of the device that a path names. Raises InvalidArgument when it names none."""
    try:
        status = Path(path).stat()
    except OSError as e:
        raise InvalidArgument(f"stat {path}: {(e.strerror or '').lower()}") from None
    return os.major(status.st_rdev), os.minor(status.st_rdev)


def _below(path: str, skipped: tuple[str, ...] = ()) -> Iterator[str]:
    if not Path(path).is_dir() or Path(path).is_symlink():
        yield path
        return
    try:
        entries = sorted(os.scandir(path), key=lambda e: e.name)
    except OSError:
        return
    for entry in entries:
        if entry.name not in skipped and not entry.is_symlink():
            yield from _below(entry.path, skipped)


def _node(path: str, target: str) -> Json | None:
    """Return the OCI form of a device node, None for anything else."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    kind = "c" if stat.S_ISCHR(status.st_mode) else "b" if stat.S_ISBLK(status.st_mode) else ""
    if not kind:
        return None
    return {
        "path": target,
        "type": kind,
        "major": os.major(status.st_rdev),
        "minor": os.minor(status.st_rdev),
        "fileMode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
    }
