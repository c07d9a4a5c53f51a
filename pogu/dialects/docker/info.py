"""`GET /info` and `GET /version`: the engine and its host in Docker's fields."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pogu
from pogu.dialects.docker import host as hosts
from pogu.dialects.docker.version import MAXIMUM, MINIMUM, ApiVersion, render
from pogu.engine.engine import Engine
from pogu.engine.moments import format_ns
from pogu.engine.registries.endpoints import LOOPBACK

LOG_DRIVERS = ["json-file", "local", "none"]
NETWORK_DRIVERS = ["bridge", "host", "null"]
SWARM_INACTIVE = {
    "NodeID": "",
    "NodeAddr": "",
    "LocalNodeState": "inactive",
    "ControlAvailable": False,
    "Error": "",
    "RemoteManagers": None,
}
_REPORTED_STORAGE = {"overlay": "overlay2"}


async def render_version(engine: Engine) -> dict[str, Any]:
    """Return the body of `/version`."""
    host = hosts.read_host()
    details = {
        "ApiVersion": render(MAXIMUM),
        "Arch": host.architecture,
        "BuildTime": "",
        "Experimental": str(engine.config.experimental).lower(),
        "GitCommit": "",
        "GoVersion": "",
        "KernelVersion": host.kernel,
        "MinAPIVersion": render(MINIMUM),
        "Os": "linux",
    }
    others = [(name, await hosts.program_version(name)) for name in ("crun", "runc", "conmon", "catatonit")]
    own = {"Name": "Engine", "Version": pogu.__version__, "Details": details}
    return {
        "Platform": {"Name": "Pogu"},
        "Components": [own, *({"Name": n, "Version": v, "Details": {}} for n, v in others if v)],
        "Version": pogu.__version__,
        "ApiVersion": render(MAXIMUM),
        "MinAPIVersion": render(MINIMUM),
        "GitCommit": "",
        "GoVersion": "",
        "Os": "linux",
        "Arch": host.architecture,
        "KernelVersion": host.kernel,
        "BuildTime": "",
    }


async def render_info(engine: Engine, version: ApiVersion) -> dict[str, Any]:
    """Return the body of `/info` as the API version has it."""
    host = hosts.read_host()
    value = {
        "ID": engine.id,
        **_containers(engine),
        "Images": len(engine.images),
        **_storage(engine),
        "Plugins": {"Volume": ["local"], "Network": NETWORK_DRIVERS, "Authorization": None, "Log": LOG_DRIVERS},
        **_abilities(host),
        "Debug": engine.config.debug,
        "NFd": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 # counted, not walked
        "NGoroutines": len(asyncio.all_tasks()),
        "SystemTime": format_ns(time.time_ns()),
        "LoggingDriver": engine.config.log_driver,
        "CgroupDriver": engine.config.cgroup_driver,
        "CgroupVersion": host.cgroup_version,
        "NEventsListener": engine.events.listeners,
        **_system(host),
        "RegistryConfig": _registries(engine),
        "GenericResources": None,
        "DockerRootDir": str(engine.config.root),
        **_proxies(),
        "Name": os.uname().nodename,
        "Labels": engine.config.labels,
        "ExperimentalBuild": engine.config.experimental,
        "ServerVersion": pogu.__version__,
        **await _runtimes(engine),
        "Swarm": SWARM_INACTIVE,
        "LiveRestoreEnabled": engine.config.live_restore,
        "Isolation": "",
        "SecurityOptions": _security(engine, host),
        "DefaultAddressPools": [{"Base": b, "Size": s} for b, s in engine.config.default_address_pools],
        "FirewallBackend": {"Driver": "nftables"},
        "CDISpecDirs": [],
        "Warnings": [*_warnings(host), *_restored(engine)] or None,
    }
    if version < (1, 49):
        del value["FirewallBackend"]
        for name in ("ContainerdCommit", "RuncCommit", "InitCommit"):
            value[name]["Expected"] = value[name]["ID"]
    if version < (1, 42):
        value |= {"KernelMemory": False, "KernelMemoryTCP": False}
    if version < (1, 50):
        value |= {"BridgeNfIptables": False, "BridgeNfIp6tables": False}
    return value


def _containers(engine: Engine) -> dict[str, int]:
    found = Counter(
        "Paused" if c.state.paused else "Running" if c.state.running else "Stopped"
        for c in engine.containers.list(all=True)
    )
    return {"Containers": found.total()} | {f"Containers{k}": found[k] for k in ("Running", "Paused", "Stopped")}


def _storage(engine: Engine) -> dict[str, Any]:
    return {
        "Driver": _REPORTED_STORAGE.get(engine.storage.name, engine.storage.name),
        "DriverStatus": [["Backing Filesystem", hosts.filesystem_of(engine.config.root)]],
    }


def _abilities(host: hosts.Host) -> dict[str, bool]:
    memory, cpu = "memory" in host.controllers, "cpu" in host.controllers
    return {
        "MemoryLimit": memory,
        "SwapLimit": hosts.swap_limit(host),
        "CpuCfsPeriod": cpu,
        "CpuCfsQuota": cpu,
        "CPUShares": cpu,
        "CPUSet": "cpuset" in host.controllers,
        "PidsLimit": "pids" in host.controllers,
        "IPv4Forwarding": hosts.forwards_ipv4(),
        "OomKillDisable": memory and host.cgroup_version == "1",
    }


def _system(host: hosts.Host) -> dict[str, Any]:
    return {
        "KernelVersion": host.kernel,
        "OperatingSystem": host.system,
        "OSVersion": host.system_version,
        "OSType": "linux",
        "Architecture": host.machine,
        "IndexServerAddress": "https://index.docker.io/v1/",
        "NCPU": host.cpus,
        "MemTotal": host.memory,
    }


def _registries(engine: Engine) -> dict[str, Any]:
    mirrors = [f"{url.rstrip('/')}/" for url in engine.config.registry_mirrors]
    insecure = engine.config.insecure_registries
    hub = {"Mirrors": mirrors, "Name": "docker.io", "Official": True, "Secure": True}
    hosts = {h: {"Mirrors": [], "Name": h, "Official": False, "Secure": False} for h in insecure if "/" not in h}
    return {
        "AllowNondistributableArtifactsCIDRs": None,
        "AllowNondistributableArtifactsHostnames": None,
        "IndexConfigs": {"docker.io": hub, **hosts},
        "InsecureRegistryCIDRs": [*LOOPBACK, *(cidr for cidr in insecure if "/" in cidr)],
        "Mirrors": mirrors or None,
    }


def _proxies() -> dict[str, str]:
    def setting(name: str) -> str:
        return os.environ.get(name, "") or os.environ.get(name.lower(), "")

    return {
        "HttpProxy": mask_credentials(setting("HTTP_PROXY")),
        "HttpsProxy": mask_credentials(setting("HTTPS_PROXY")),
        "NoProxy": setting("NO_PROXY"),
    }


def mask_credentials(url: str) -> str:
    """Return a URL with its user and password made unreadable."""
    parts = urlsplit(url)
    if parts.username is None:
        return url
    return urlunsplit(parts._replace(netloc="xxxxx:xxxxx@" + parts.netloc.rpartition("@")[2]))


async def _runtimes(engine: Engine) -> dict[str, Any]:
    return {
        "Runtimes": {name: {"path": name} for name in ("crun", "runc")},
        "DefaultRuntime": engine.config.runtime,
        "InitBinary": "catatonit",
        "ContainerdCommit": {"ID": await _named("conmon")},
        "RuncCommit": {"ID": await _named(engine.config.runtime)},
        "InitCommit": {"ID": await _named("catatonit")},
    }


async def _named(program: str) -> str:
    """Return which program does a part's work, since it is not the one that the field is named after."""
    version = await hosts.program_version(program)
    return f"{program} {version}" if version else ""


def _security(engine: Engine, host: hosts.Host) -> list[str]:
    options = []
    if host.apparmor:
        options.append("name=apparmor")
    if host.seccomp:
        options.append(f"name=seccomp,profile={engine.config.seccomp_profile or 'builtin'}")
    if host.cgroup_version == "2":
        options.append("name=cgroupns")
    if engine.config.no_new_privileges:
        options.append("name=no-new-privileges")
    return options


def _restored(engine: Engine) -> list[str]:
    return [f"WARNING: {engine.restoration.text}"] if engine.restoration else []


def _warnings(host: hosts.Host) -> list[str]:
    abilities = _abilities(host)
    texts = {
        "MemoryLimit": "WARNING: No memory limit support",
        "SwapLimit": "WARNING: No swap limit support",
        "CpuCfsPeriod": "WARNING: No cpu cfs period support",
        "CpuCfsQuota": "WARNING: No cpu cfs quota support",
        "CPUShares": "WARNING: No cpu shares support",
        "CPUSet": "WARNING: No cpuset support",
        "PidsLimit": "WARNING: No pids limit support",
        "IPv4Forwarding": "WARNING: IPv4 forwarding is disabled",
    }
    return [text for name, text in texts.items() if not abilities[name]]
