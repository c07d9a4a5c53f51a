"""The daemon's description of itself for a bug report: no secrets, nothing of the containers' contents."""

from __future__ import annotations

import asyncio
import os
import platform
import resource
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pogu import __version__
from pogu.daemon import journal
from pogu.daemon.settings import Settings
from pogu.daemon.tasks import describe_tasks

if TYPE_CHECKING:
    from pogu.engine.engine import Engine

_SECRET_WORDS = ("proxy", "password", "token", "secret", "key")


def describe(settings: Settings, engine: Engine, listeners: list[str], started: float) -> dict[str, Any]:
    """Return what a maintainer asks first. `started` is the loop's time when the daemon started."""
    return {
        "version": __version__,
        "python": sys.version,
        "kernel": platform.release(),
        "pid": os.getpid(),
        "uptime_seconds": round(asyncio.get_running_loop().time() - started, 3),
        "listeners": listeners,
        "settings": {key: masked(key, value) for key, value in settings.values.items()},
        "warnings": list(settings.warnings),
        "process": _process(),
        "engine": _summary(engine),
        "mounts": _mounts(settings),
        "cgroup": _cgroup(),
        "tasks": describe_tasks(),
        "log": journal.recent_lines(),
    }


def masked(key: str, value: Any) -> Any:
    """Return `value`, or a mask where the name of its key or of one of its parts says that it may be a secret."""
    if any(word in key for word in _SECRET_WORDS) and key not in {"tlskey", "no-proxy"}:
        return "xxxxx"
    if isinstance(value, dict):
        return {k: masked(str(k), v) for k, v in value.items()}
    return value


def _process() -> dict[str, Any]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {
        "resident_kb": int(status["VmRSS"].split()[0]),
        "peak_kb": int(status["VmHWM"].split()[0]),
        "threads": int(status["Threads"]),
        "open_files": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 # Path.iterdir would stat nothing more
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
        "tasks": len(asyncio.all_tasks()),
    }


def _summary(engine: Engine) -> dict[str, Any]:
    return {
        "containers": dict(Counter(c.state.status for c in engine.containers.list(all=True))),
        "images": len(engine.images.list()),
        "networks": len(engine.networks.list()),
        "volumes": len(engine.volumes.list()),
    }


def _mounts(settings: Settings) -> list[str]:
    places = (str(settings.root), str(settings.run))
    lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    return [line for line in lines if line.split()[4].startswith(places)]


def _cgroup() -> dict[str, Any]:
    controllers = Path("/sys/fs/cgroup/cgroup.controllers")
    return {
        "version": 2 if controllers.exists() else 1,
        "controllers": controllers.read_text().split() if controllers.exists() else [],
        "own": Path("/proc/self/cgroup").read_text().splitlines(),
    }
