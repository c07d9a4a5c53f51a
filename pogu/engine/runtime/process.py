"""A container's processes: the first, and those started in it later, as OCI `process`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pogu.engine.model import Container, Ulimit
from pogu.engine.runtime import capabilities
from pogu.engine.runtime.host import RLIMITS, HostFacts
from pogu.engine.runtime.users import ResolvedUser
from pogu.errors import InvalidArgument

Json = dict[str, Any]

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
INIT_PATH = "/sbin/docker-init"  # where the init is inside the container, as with Docker


def process_env(
    container: Container,
    user: ResolvedUser,
    *,
    links: Iterable[str] = (),
    own: Iterable[str] = (),
    terminal: bool | None = None,
) -> list[str]:
    """Return the environment of a process: PATH, HOSTNAME and TERM by default, `links`, the container's, its `own`.

    Later entries win; one without `=` takes the variable away. HOME is the user's home where nobody sets it.
    `terminal` says whether the process has one; None is the container's setting.
    """
    config = container.config
    found = {"PATH": DEFAULT_PATH, "HOSTNAME": config.hostname or ""}
    if config.tty if terminal is None else terminal:
        found["TERM"] = "xterm"
    for entry in (*links, *(config.env or []), *own):
        name, assigned, value = entry.partition("=")
        if assigned:
            found[name] = value
        else:
            found.pop(name, None)
    found.setdefault("HOME", user.home)
    return [f"{name}={value}" for name, value in found.items()]


def oci_process(
    container: Container,
    *,
    user: ResolvedUser,
    env: Sequence[str],
    held: Sequence[str],
    host: HostFacts,
    no_new_privileges: bool,
    default_ulimits: Mapping[str, tuple[int, int]],
    apparmor: str = "",
    init: bool = False,
) -> Json:
    """Return the first process. `held` are its capabilities; with `init` a small init starts it and reaps."""
    config, wanted = container.config, container.host_config
    arguments = [container.path, *container.args]
    process: Json = {
        "terminal": bool(config.tty),
        "user": {"uid": user.uid, "gid": user.gid, "additionalGids": user.groups},
        "args": [INIT_PATH, "--", *arguments] if init else arguments,
        "env": list(env),
        "cwd": config.working_dir or "/",
        "capabilities": _capability_sets(held),
        "noNewPrivileges": no_new_privileges,
    }
    if config.tty and wanted.console_size and all(wanted.console_size):
        process["consoleSize"] = {"height": wanted.console_size[0], "width": wanted.console_size[1]}
    if limits := rlimits(wanted.ulimits or [], default_ulimits, host):
        process["rlimits"] = limits
    if wanted.oom_score_adj:
        process["oomScoreAdj"] = oom_score_adj(wanted.oom_score_adj, host)
    if apparmor:
        process["apparmorProfile"] = apparmor
    return process


def exec_process(
    first: Json,
    command: Sequence[str],
    *,
    user: ResolvedUser,
    env: Sequence[str],
    host: HostFacts,
    cwd: str = "",
    privileged: bool = False,
    terminal: bool = False,
    console_size: Sequence[int] | None = None,
) -> Json:
    """Return a process that is started later in a container whose first process is `first` (its spec's `process`).

    It has the first one's directory, capabilities and limits unless told otherwise; `privileged` gives it all
    capabilities that the daemon has. `env` is all of its environment (`process_env`), `console_size` (height, width).
    """
    process: Json = {
        **first,
        "terminal": terminal,
        "user": {"uid": user.uid, "gid": user.gid, "additionalGids": user.groups},
        "args": list(command),
        "env": list(env),
        "cwd": cwd or first.get("cwd", "/"),
    }
    process.pop("consoleSize", None)
    if privileged:
        process["capabilities"] = _capability_sets(
            capabilities.effective(None, None, privileged=True, available=host.capabilities)
        )
    if terminal and console_size and all(console_size):
        process["consoleSize"] = {"height": console_size[0], "width": console_size[1]}
    return process


def rlimits(wanted: Iterable[Ulimit], default: Mapping[str, tuple[int, int]], host: HostFacts) -> list[Json]:
    """Return OCI rlimits, the user's before the engine's; a limit the daemon may not raise is cut to its own.

    Raises InvalidArgument for a name that Linux does not have, or a soft limit above the hard one.
    """
    merged = {name: Ulimit(name=name, soft=soft, hard=hard) for name, (soft, hard) in default.items()}
    merged |= {limit.name: limit for limit in wanted}
    return [_rlimit(limit, host) for limit in merged.values()]


def oom_score_adj(wanted: int, host: HostFacts) -> int:
    """Return the score to set: without CAP_SYS_RESOURCE it cannot go below the daemon's own (proc(5))."""
    return wanted if host.may_raise else max(wanted, host.oom_score_adj)


def _rlimit(limit: Ulimit, host: HostFacts) -> Json:
    name = limit.name.lower()
    if name not in RLIMITS:
        raise InvalidArgument(f"invalid ulimit type: {limit.name}")
    soft, hard = limit.soft, limit.hard
    if hard != -1 and (soft == -1 or soft > hard):
        raise InvalidArgument(f"ulimit soft limit must be less than or equal to hard limit: {soft} > {hard}")
    own = host.hard_limits.get(name, -1)
    if own != -1 and not host.may_raise:
        hard = own if hard == -1 else min(hard, own)
        soft = hard if soft == -1 else min(soft, hard)
    return {"type": f"RLIMIT_{name.upper()}", "soft": _unsigned(soft), "hard": _unsigned(hard)}


def _unsigned(value: int) -> int:
    """OCI has RLIM_INFINITY as the largest 64-bit number."""
    return value & (2**64 - 1)


def _capability_sets(held: Sequence[str]) -> Json:
    """No inheritable or ambient ones: a process of another user gets none by executing a file (CVE-2022-24769)."""
    return {"bounding": list(held), "effective": list(held), "permitted": list(held), "inheritable": [], "ambient": []}
