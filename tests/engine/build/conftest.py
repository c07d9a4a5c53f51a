"""Builds on an engine of the tests' own: contexts written as small trees, results read as trees."""

from __future__ import annotations

import io
import re
import stat
import tarfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest_asyncio

from pogu.engine.build.client import BuildClient, SilentClient
from pogu.engine.build.options import BuildOptions
from pogu.engine.build.progress import BuildEvent, Log, Vertex
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.images import Image
from tests.engine.containers.conftest import Bench, own_network, shared_bench

__all__ = ["own_network", "shared_bench"]

File = str | bytes | tarfile.TarInfo | tuple[str, int]
"""What is in a file (with its mode), or a member without content."""


def context_tar(files: Mapping[str, File]) -> bytes:
    """Return a context as an archive; names ending in `/` are directories."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, what in files.items():
            if isinstance(what, tarfile.TarInfo):
                what.name = name
                tar.addfile(what)
                continue
            text, mode = what if isinstance(what, tuple) else (what, 0o644)
            content = text.encode() if isinstance(text, str) else text
            member = tarfile.TarInfo(name.rstrip("/"))
            member.mode, member.mtime, member.size = mode, 1_500_000_000, len(content)
            if name.endswith("/"):
                member.type, member.mode, member.size = tarfile.DIRTYPE, 0o755, 0
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def link(target: str) -> tarfile.TarInfo:
    """Return a symbolic link for a context."""
    member = tarfile.TarInfo()
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


@dataclass
class Built:
    """What came of a build, and what it said."""

    image: Image
    events: list[BuildEvent] = field(default_factory=list)

    @property
    def output(self) -> str:
        """What the commands printed."""
        return b"".join(e.data for e in self.events if isinstance(e, Log)).decode()

    @property
    def cached(self) -> list[str]:
        """The names of the steps that came of the cache."""
        return [e.name for e in self.events if isinstance(e, Vertex) and e.completed and e.cached]

    @property
    def done(self) -> list[str]:
        """The names of the steps that were carried out."""
        return [
            e.name
            for e in self.events
            if isinstance(e, Vertex) and e.completed and not e.cached and re.match(r"\[(?!internal)", e.name)
        ]


@dataclass
class Site:
    """An engine with short ways to build on it."""

    bench: Bench

    async def build(
        self,
        dockerfile: str,
        files: Mapping[str, File] | None = None,
        *,
        client: BuildClient | None = None,
        events: list[BuildEvent] | None = None,
        **options: Any,
    ) -> Built:
        """Build an image; its events are in what comes back, and in `events` also when it fails."""
        said: list[BuildEvent] = [] if events is None else events
        identifier = await self.give(dockerfile, files, client=client, events=said, **options)
        return Built(self.bench.engine.images.get(identifier), said)

    async def give(
        self,
        dockerfile: str,
        files: Mapping[str, File] | None = None,
        *,
        client: BuildClient | None = None,
        events: list[BuildEvent] | None = None,
        **options: Any,
    ) -> str:
        """Build what the options ask for and return the ID of the image, if one stays."""
        archive = context_tar({"Dockerfile": dockerfile, **(files or {})})
        said: list[BuildEvent] = [] if events is None else events

        async def stream() -> AsyncIterator[bytes]:
            yield archive

        builder = self.bench.engine.builder
        wanted = BuildOptions(**options)
        async with builder.receiver.archive(stream(), wanted.dockerfile) as inputs:
            return await builder.build(inputs, wanted, client or SilentClient({}), said.append)

    async def tree(self, image: Image, below: str = "/") -> dict[str, str]:
        """Return what is in an image: path -> mode, owner, and content or link target."""

        def read(root: Path) -> dict[str, str]:
            top = root / below.lstrip("/")
            return {str(path.relative_to(top)): _told(path) for path in sorted(top.rglob("*"))}

        workshop = self.bench.engine.builder.workshop
        return await workshop.look(Snapshot(tuple(image.layers)), read)

    async def text(self, image: Image, path: str) -> str:
        """Return what is in a file of an image."""
        head, _, name = path.rpartition("/")
        return (await self.tree(image, head or "/"))[name].partition(" ")[2].partition(" ")[2]

    def leftovers(self) -> list[str]:
        """Return what builds should not leave: containers, mounts, writable layers, passing files."""
        config = self.bench.config
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        found = [mount for mount in mounts if mount.startswith(str(config.run / "rootfs"))]
        found += [container.id for container in self.bench.engine.containers.rooms.table]
        found += self.bench.engine.storage.containers()
        for directory in (config.root / "tmp" / "build", config.run / "build"):
            found += [str(path) for path in directory.iterdir()]
        return found


def _told(path: Path) -> str:
    status = path.lstat()
    what = ""
    if stat.S_ISREG(status.st_mode):
        what = path.read_text(errors="replace")
    elif stat.S_ISLNK(status.st_mode):
        what = f"-> {path.readlink()}"
    return f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid} {what}".rstrip(" ")


@pytest_asyncio.fixture(loop_scope="module")
async def site(shared_bench: Bench) -> AsyncIterator[Site]:
    """The module's engine, with nothing built on it that others could find in its cache by chance."""
    site = Site(shared_bench)
    yield site
    await shared_bench.until(lambda: site.leftovers() == [])  # mounts go after the answer
