"""The same probe runs in a container of Pogu and in one of Docker, and meets the same walls.

Where they differ, EXPECTED says why; a difference that is not there fails. The peer is Debian's Docker 20.10, so most
of the list is what newer versions of Docker do otherwise.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.peers import Dockerd, Peer, Pogu, scene

pytestmark = [pytest.mark.slow, pytest.mark.root, pytest.mark.xdist_group("peers"), pytest.mark.timeout(240)]

PROBE = Path(__file__).parent / "probe.py"
QUICK = ("status", "limits", "namespaces", "mounts", "device nodes", "device access", "kernel settings",
         "writable places", "sockets", "calls")  # fmt: skip
ALL = (*QUICK, "system files", "numbered calls", "32-bit calls")

# How containers are run -> the questions the probe puts, and the command's flags.
VARIANTS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "default": (ALL, []),
    "sys-admin": (ALL, ["--cap-add", "SYS_ADMIN"]),
    "all capabilities": (
        (*QUICK, "system files", "numbered calls"),
        ["--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE"],
    ),
    "no capabilities": ((*QUICK, "system files"), ["--cap-drop", "ALL"]),
    "privileged": (ALL, ["--privileged"]),
    "privileged user": ((*QUICK, "system files"), ["--privileged", "--user", "1000"]),
    "no seccomp": ((*QUICK, "numbered calls"), ["--security-opt", "seccomp=unconfined"]),
    "no masks": ((*QUICK, "system files"), ["--security-opt", "systempaths=unconfined"]),
    "no-new-privileges": (QUICK, ["--security-opt", "no-new-privileges"]),
    "read-only": (QUICK, ["--read-only"]),
    "user": ((*QUICK, "system files"), ["--user", "1000"]),
    "init": (QUICK, ["--init"]),
    "terminal": (QUICK, ["-t"]),
    "no network": (QUICK, ["--network", "none"]),
    "host network": (QUICK, ["--network", "host"]),
    "host pid": ((*QUICK, "system files"), ["--pid", "host"]),
    "host ipc": (QUICK, ["--ipc", "host"]),
    "own cgroup namespace": (QUICK, ["--cgroupns", "private"]),
    "oom and limits": (
        ("status", "limits"),
        ["--oom-score-adj", "77", "--ulimit", "nofile=1024:2048", "--ulimit", "core=0"],
    ),
}
WITH_RUNC = ("default", "sys-admin", "privileged user", "user", "host pid")
EXEC = {"exec": [], "exec user": ["--user", "1000"]}


@dataclass(frozen=True)
class Expected:
    """A difference with its reason; the fields are regular expressions that match whole values (None is "None")."""

    reason: str
    section: str
    key: str
    docker: str = ".*"
    pogu: str = ".*"
    variants: str = ".*"

    def covers(self, variant: str, section: str, key: str, docker: str, pogu: str) -> bool:
        pairs = ((self.section, section), (self.key, key), (self.docker, docker), (self.pogu, pogu))
        return all(re.fullmatch(pattern, text) for pattern, text in (*pairs, (self.variants, variant)))


CALLS = "numbered calls|32-bit calls"
SINCE_28 = "Docker 28's profile and newer: "
EXPECTED = [
    # Pogu is stricter
    Expected(SINCE_28 + "no io_uring", CALLS, "(i386 )?42[567]", pogu="EPERM"),
    Expected(SINCE_28 + "no io_uring", "calls", "io_uring", "ok", "EPERM"),
    Expected(SINCE_28 + "AF_VSOCK and AF_ALG are not confined to a network namespace", "sockets", r"(38|40) .*",
             pogu="EPERM"),
    Expected("Docker's newest profile: only address families in use", "sockets", r"(12|19|20|23|25|34|37|46) .*",
             "EAFNOSUPPORT", "EPERM"),
    Expected("the same, for a family that does not exist", CALLS, "41|i386 359", "EINVAL|EAFNOSUPPORT", "EPERM"),
    Expected("Docker 23 and newer mask the powercap counters, 28 the interrupt counters", "mounts",
             "/sys/devices/virtual/powercap|/proc/interrupts|/sys/devices/system/cpu/cpu.*/thermal_throttle", "None"),
    Expected("the same", "system files", "/proc/interrupts", "f.*", "c.*"),
    Expected("the same", "system files", "/sys/devices/(virtual/powercap|system/cpu/cpu[0-9]+/thermal_throttle).*"),
    Expected("runc of Docker 28 gives no access to tun either", "device access", "(read|write) c 10:200",
             "ok", "EPERM"),
    Expected("Docker shares the mount events of its own root with containers, Pogu keeps it private", "mounts", "/",
             "overlay r[ow],relatime . rw master", "overlay r[ow],relatime . rw"),
    Expected("the folder of version 1 hierarchies is read-only", "writable places", "(mkdir )?/sys/fs/cgroup",
             "ok|EACCES", "EROFS"),
    Expected("the same", "system files", "/sys/fs/cgroup", "dw", "d-"),
    # Docker is stricter only because it is older
    Expected(SINCE_28 + "a process may read another's memory where it may trace it", CALLS, "(i386 )?(310|311|347|348)",
             "EPERM"),
    Expected("the same", "calls", "process_vm_readv.*", "EPERM", "ok|EFAULT"),
    Expected(SINCE_28 + "file handles may be made, not opened", CALLS, "303|i386 341", "EPERM"),
    Expected("the same", "calls", "file handle", "EPERM", "ENOTSUP|EOPNOTSUPP"),
    Expected(SINCE_28 + "memory protection keys", CALLS, "329|330|331|i386 38[012]", "EPERM"),
    Expected("Linux 5.17 and newer: Docker 28 allows most of these, 20.10 does not know them", CALLS,
             "(i386 )?4([5-9][0-9]|4[89])", "ENOSYS|EPERM"),
    Expected("Docker 20.10 ends at CAP_AUDIT_READ, 23 and newer give all that the kernel has", "status", "Cap.*",
             "0000003f.*", "000001ff.*", "all capabilities|privileged.*"),
    Expected("the same: CAP_BPF and CAP_PERFMON bring these calls", "calls", "bpf map|perf.*"),
    Expected("Docker 26 and newer leave IPv6 on the loopback interface; the others have it off", "kernel settings",
             "net/ipv6/conf/all/disable_ipv6", "1", "0"),
    # the runtimes differ in what changes no wall
    Expected("crun leaves the file system of /sys writable under a read-only mount", "mounts", "/sys", ".* ro",
             "sysfs ro,.* rw"),
    Expected("crun hides files with the host's /dev/null, read-only, and folders with a tmpfs of no size", "mounts",
             "/(proc|sys)/.*", "tmpfs .*", r"(devtmpfs ro,.*)|(tmpfs ro,relatime . rw,size=0k)"),
    Expected("the kernel refuses devices, programs and set-uid files in a proc file system anyway", "mounts",
             "/proc/(bus|fs|irq|sys)", "proc ro,nosuid,nodev,noexec,relatime .*", "proc ro,relatime .*"),
    Expected("crun makes this folder itself", "mounts", "/sys/fs/cgroup", "tmpfs rw,.*", "tmpfs .*rw,size=1024k"),
    Expected("crun links it, and where it leads is masked", "device nodes", "/dev/core", "None", "-> /proc/kcore"),
    Expected("crun gives the standard streams to the container's user; in its own /dev", "device nodes", "/dev/null",
             "crw-rw-rw- 0:0 1:3", "crw-rw-rw- 1000:0 1:3"),
    Expected("catatonit keeps terminal stops from what it starts, tini does not", "status", "SigBlk", variants="init"),
    Expected("crun mounts the one device node without them", "mounts", "/dev/console",
             "devpts rw,nosuid,noexec,relatime .*", "devpts rw,relatime .*"),
    Expected("crun makes this folder, a tmpfs of the container's own, for everybody where cgroups are writable",
             "writable places|system files", "(mkdir )?/sys/fs/cgroup", "EACCES|d-", "ok|dw", "privileged user"),
    Expected("the peers' own names", "status", "hostname|first process", variants="init|host .*"),
]  # fmt: skip


@pytest.fixture(scope="module")
def peers() -> Iterator[tuple[Pogu, Dockerd]]:
    with scene() as found:
        yield found.pogu, found.docker


Report = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def reports(peers: tuple[Pogu, Dockerd]) -> Iterator[Callable[[str, str], Report]]:
    """Run everything at once; `reports(peer, variant)` waits for one."""
    pogu, dockerd = peers
    waiting: dict[tuple[str, str], Future[Report]] = {}
    with ThreadPoolExecutor(4) as pool:
        for name, (sections, flags) in VARIANTS.items():
            waiting["docker", name] = pool.submit(_probe, dockerd, sections, flags)
            waiting["crun", name] = pool.submit(_probe, pogu, sections, flags)
            if name in WITH_RUNC:
                waiting["runc", name] = pool.submit(_probe, pogu, sections, [*flags, "--runtime", "runc"])
        for name, flags in EXEC.items():
            waiting["docker", name] = pool.submit(_probe_by_exec, dockerd, ALL, flags)
            waiting["crun", name] = pool.submit(_probe_by_exec, pogu, ALL, flags)
        yield lambda peer, name: waiting[peer, name].result()


def _mounts() -> list[str]:
    """What makes the host's Python visible: the base image needs none."""
    shown = [(path, path) for path in ("/usr", "/lib", "/lib64")] + [(str(PROBE), "/probe.py")]
    return [word for source, target in shown for word in ("-v", f"{Path(source).resolve()}:{target}:ro")]


def _probe(peer: Peer, sections: tuple[str, ...], flags: list[str]) -> Report:
    return _read(peer, "run", "--rm", *_mounts(), *flags, "busybox", "/usr/bin/python3", "-I", "/probe.py", *sections)


def _probe_by_exec(peer: Peer, sections: tuple[str, ...], flags: list[str]) -> Report:
    id = peer.docker("run", "-d", *_mounts(), "busybox", "sleep", "300")
    try:
        return _read(peer, "exec", *flags, id, "/usr/bin/python3", "-I", "/probe.py", *sections)
    finally:
        peer.docker("rm", "-f", id)


def _read(peer: Peer, *command: str) -> Report:
    try:
        shown = peer.docker(*command)
    except subprocess.CalledProcessError as e:
        raise RuntimeError(f"{peer.name}: {e.stderr.decode()}") from None
    report: Report = json.loads(shown[shown.index("{") :])  # with a terminal, what was typed comes first
    return report


def _differences(variant: str, docker: Report, pogu: Report) -> list[str]:
    """Return what differs and is not expected."""
    found = []
    for section in docker:
        if section == "namespaces":
            continue
        for key in docker[section] | pogu[section]:
            theirs, ours = (_neutral(str(r[section].get(key))) for r in (docker, pogu))
            if theirs != ours and not any(e.covers(variant, section, key, theirs, ours) for e in EXPECTED):
                found.append(f"{section}: {key}: Docker {theirs}, Pogu {ours}")
    return found


def _neutral(value: str) -> str:
    """The container's ID and the parent of its cgroup are the peers' own."""
    return re.sub(r"/(docker|pogu-bench-[0-9]+)/[0-9a-f]{64}", "/CONTAINER", value)


@pytest.mark.parametrize("variant", [*VARIANTS, *EXEC])
def test_the_same_walls(reports: Callable[[str, str], Report], variant: str) -> None:
    ours = reports("crun", variant)
    try:
        theirs = reports("docker", variant)
    except RuntimeError as e:
        if "unable to apply caps" in str(e):
            pytest.skip("Docker 20.10 cannot run privileged containers without a capability that this host lacks")
        raise
    assert not (found := _differences(variant, theirs, ours)), "\n".join(found)


@pytest.mark.parametrize("variant", WITH_RUNC)
def test_the_same_walls_with_runc(reports: Callable[[str, str], Report], variant: str) -> None:
    found = _differences(variant, reports("docker", variant), reports("runc", variant))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("variant", [*VARIANTS, *EXEC])
def test_namespaces(reports: Callable[[str, str], Report], variant: str) -> None:
    """Each kind is the host's in both, or in neither."""
    host = {
        kind: str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in ("cgroup", "ipc", "mnt", "pid", "user", "uts")
    }
    ours = reports("crun", variant).get("namespaces", {})
    shared = {kind for kind in host if ours.get(kind) == host[kind]}
    wanted = {"user", "cgroup"} | {k for k in ("pid", "ipc") if variant == f"host {k}"}
    if ours:
        assert shared == wanted - ({"cgroup"} if "cgroup" in variant else set())


def test_the_probe_sees_walls(reports: Callable[[str, str], Report]) -> None:
    """What must be so in every case: without it, equal answers could be equally empty."""
    default, admin = reports("crun", "default"), reports("crun", "sys-admin")
    assert default["calls"]["unshare user"] == default["calls"]["mount tmpfs"] == "EPERM"
    assert admin["calls"]["unshare user"] == "ok"
    assert default["status"]["CapEff"] == "00000000a80425fb"
    assert default["status"]["Seccomp"] == "2"
    assert {v for k, v in default["device access"].items() if k.startswith(("read b", "write b"))} == {"EPERM"}
    writable = {k for k, v in default["system files"].items() if v.startswith("fr") and "w" in v}
    assert not any(path.startswith(("/proc/sys/", "/sys/", "/proc/sysrq")) for path in writable), writable
    assert len(default["numbered calls"]) > 450
