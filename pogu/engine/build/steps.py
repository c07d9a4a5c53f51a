"""The steps of a build as a graph: what each is made from, and everything that decides what comes of it.

A step is identified by itself: two steps that would do the same are found to be the same by their keys (`solving/`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pogu.engine.build.contexts.context import Context
from pogu.engine.build.snapshots import Snapshot


@dataclass(eq=False, kw_only=True, slots=True)
class Step(ABC):
    """One step; its result is a `Snapshot`."""

    name: str
    """What a person reads."""
    line: int = 0
    """Of the Dockerfile, counted from 1; 0 for what is not written there."""
    no_cache: bool = False

    def inputs(self) -> Iterator[Step]:
        """Yield the steps whose results this one needs."""
        yield from ()

    @abstractmethod
    def definition(self) -> dict[str, Any]:
        """Return all that decides what comes of the step besides its inputs, for its key."""


@dataclass(eq=False, kw_only=True, slots=True)
class Base(Step):
    """An image, or nothing (`FROM scratch`)."""

    snapshot: Snapshot = field(default_factory=Snapshot)

    def definition(self) -> dict[str, Any]:
        return {"base": self.snapshot.chain}


@dataclass(frozen=True, eq=False, slots=True)
class StageFiles:
    """Sources in the result of another step."""

    step: Step
    patterns: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class ContextFiles:
    """Sources in what the client has sent, or in a directory of its."""

    context: Context
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inline:
    """A file whose content stands in the Dockerfile."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Remote:
    """A file behind a URL; `checksum` is `sha256:<hex>` or empty."""

    url: str
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository: its URL with `#ref:directory`."""

    url: str
    keep_git_dir: bool = False
    checksum: str = ""


Source = StageFiles | ContextFiles | Inline | Remote | Repository


@dataclass(eq=False, kw_only=True, slots=True)
class Copy(Step):
    """COPY or ADD. `destination` is absolute and ends with `/` where the Dockerfile says so."""

    parent: Step
    sources: tuple[Source, ...]
    destination: str
    owner: str | None = None
    """`user[:group]`, names or numbers; None: root for what comes from a client, as it is for the rest."""
    mode: str = ""
    link: bool = False
    parents: bool = False
    excludes: tuple[str, ...] = ()
    needs_files: bool = True
    """Whether it fails when its patterns match nothing."""
    unpack: bool = False
    """Whether archives are unpacked."""
    unpack_downloads: bool = False
    """Whether those that come from a URL are unpacked too."""
    mtime: int | None = None

    def inputs(self) -> Iterator[Step]:
        yield self.parent
        for source in self.sources:
            if isinstance(source, StageFiles):
                yield source.step

    def definition(self) -> dict[str, Any]:
        return {
            "copy": self.destination,
            "owner": self.owner,
            "mode": self.mode,
            "link": self.link,
            "parents": self.parents,
            "excludes": self.excludes,
            "unpack": [self.unpack, self.unpack_downloads],
            "mtime": self.mtime,
        }


@dataclass(eq=False, kw_only=True, slots=True)
class Workdir(Step):
    """A directory that is to be there."""

    parent: Step
    path: str
    user: str = ""

    def inputs(self) -> Iterator[Step]:
        yield self.parent

    def definition(self) -> dict[str, Any]:
        return {"workdir": self.path, "user": self.user}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunMount:
    """What a RUN has mounted. `type` is bind, cache, secret, ssh, tmpfs or script; `target` is absolute.

    `id` names the cache, the secret or the agent; `env` is the variable that a secret is given in.
    """

    type: str
    target: str
    files: StageFiles | ContextFiles | None = None
    """Where a bind mount comes from, or what a cache begins as; the one pattern is a path in it."""
    writable: bool = False
    id: str = ""
    required: bool = False
    sharing: str = "shared"
    mode: int | None = None
    uid: int = 0
    gid: int = 0
    size: int = 0
    env: str = ""
    content: bytes = b""
    """The script."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunLimits:
    """What a step may use of the machine, and how it is connected: the options of the build."""

    memory: int = 0
    memory_swap: int = 0
    cpu_shares: int = 0
    cpu_period: int = 0
    cpu_quota: int = 0
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    shm_size: int = 0
    ulimits: tuple[tuple[str, int, int], ...] = ()
    cgroup_parent: str = ""
    extra_hosts: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()


@dataclass(eq=False, kw_only=True, slots=True)
class Run(Step):
    """RUN: a command in a container."""

    parent: Step
    args: tuple[str, ...]
    command: str
    """The command as an error names it."""
    env: tuple[str, ...]
    proxies: tuple[str, ...] = ()
    """More of the environment, which does not decide what comes of the step."""
    cwd: str = "/"
    user: str = ""
    mounts: tuple[RunMount, ...] = ()
    network: str = ""
    insecure: bool = False
    hostname: str = ""
    volumes: tuple[str, ...] = ()
    """Paths whose changes are thrown away (VOLUME, with the classic builder)."""
    limits: RunLimits = field(default_factory=RunLimits)

    def inputs(self) -> Iterator[Step]:
        yield self.parent
        for mount in self.mounts:
            if isinstance(mount.files, StageFiles):
                yield mount.files.step

    def definition(self) -> dict[str, Any]:
        return {
            "run": self.args,
            "env": self.env,
            "cwd": self.cwd,
            "user": self.user,
            "network": self.network,
            "insecure": self.insecure,
            "volumes": self.volumes,
            "mounts": [_mount_definition(mount) for mount in self.mounts],
        }


def _mount_definition(mount: RunMount) -> tuple[Any, ...]:
    """What a secret is does not count: a changed one must not run everything again, nor its digest be kept."""
    path = mount.files.patterns if mount.files else ()
    return (
        mount.type,
        mount.target,
        path,
        mount.writable,
        mount.id,
        mount.mode,
        mount.uid,
        mount.gid,
        mount.env,
        mount.content,
    )
