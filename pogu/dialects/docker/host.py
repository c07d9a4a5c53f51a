"""Facts about this host for `/info` and `/version`: read once, from the kernel's own files."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pogu.errors import PoguError
from pogu.linux import processes

_GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Host:
    """What does not change while the daemon runs. `memory` is bytes; `architecture` is Go's name of it."""

    kernel: str
    system: str
    system_version: str
    architecture: str
    machine: str
    cpus: int
    memory: int
    cgroup_version: str
    controllers: frozenset[str]
    apparmor: bool
    seccomp: bool


@lru_cache(maxsize=1)
def read_host() -> Host:
    """Return this host's facts."""
    release = _os_release()
    machine = platform.machine()
    unified = (_CGROUPS / "cgroup.controllers").exists()
    return Host(
        kernel=platform.release(),
        system=release.get("PRETTY_NAME", "Linux"),
        system_version=release.get("VERSION_ID", ""),
        architecture=_GO_ARCHITECTURES.get(machine, machine),
        machine=machine,
        cpus=os.cpu_count() or 1,
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        cgroup_version="2" if unified else "1",
        controllers=_controllers(unified),
        apparmor=_read("/sys/module/apparmor/parameters/enabled").startswith("Y"),
        seccomp="Seccomp:" in _read("/proc/self/status"),
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _os_release() -> dict[str, str]:
    text = _read("/etc/os-release") or _read("/usr/lib/os-release")
    return {m[1]: m[2].strip("\"'") for m in re.finditer(r"^(\w+)=(.*)$", text, re.MULTILINE)}


def _controllers(unified: bool) -> frozenset[str]:
    """Return the cgroup controllers in use, by their version 1 names."""
    if unified:
        return frozenset(_read("/sys/fs/cgroup/cgroup.controllers").split()) | {"cpuacct", "freezer"}
    rows = [line.split("\t") for line in _read("/proc/cgroups").splitlines() if not line.startswith("#")]
    return frozenset(row[0] for row in rows if row[-1] == "1")


def swap_limit(host: Host) -> bool:
    """Tell whether the kernel accounts for swap."""
    if host.cgroup_version == "2":
        return "memory" in host.controllers and Path("/proc/swaps").exists()
    return (_CGROUPS / "memory/memory.memsw.limit_in_bytes").exists()


def forwards_ipv4() -> bool:
    """Tell whether the host passes packets between interfaces."""
    return _read("/proc/sys/net/ipv4/ip_forward").strip() == "1"


def filesystem_of(path: Path) -> str:
    """Return the kind of the file system that a directory is on, "" where nobody says."""
    best = ("", "")
    for line in _read("/proc/self/mountinfo").splitlines():  # proc(5): … mount point … - type source options
        fields, _, rest = line.partition(" - ")
        point = fields.split()[4]
        if len(point) >= len(best[0]) and path.is_relative_to(point):
            best = (point, rest.split()[0])
    return best[1]


_versions: dict[str, str] = {}
_asking = asyncio.Lock()


async def program_version(name: str) -> str:
    """Return the version a program says it has, "" where it is not installed or says nothing; asked once."""
    async with _asking:
        if name not in _versions:
            _versions[name] = await _ask_version(name)
    return _versions[name]


async def _ask_version(name: str) -> str:
    if shutil.which(name) is None:
        return ""
    try:
        answer = await processes.run([name, "--version"], timeout=5)
    except (PoguError, OSError):
        return ""
    found = re.search(rb"version:? v?(\d[\w.+~-]*?)(?:_|\s|$)", answer.stdout)
    return found[1].decode() if found else ""
