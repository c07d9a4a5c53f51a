"""What a RUN has mounted: parts of stages and contexts, caches, secrets, the client's SSH agent, memory."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pogu.engine.archive import resolve, run_in_thread
from pogu.engine.archive.clone import TreeCopier
from pogu.engine.build.agents import agent_socket
from pogu.engine.build.cache.directories import CacheDirectories
from pogu.engine.build.client import BuildClient
from pogu.engine.build.failures import BuildFailed
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.build.steps import ContextFiles, Run, RunMount, StageFiles, Step
from pogu.engine.build.workshop import Workshop
from pogu.engine.model import Mount
from pogu.engine.naming import new_id
from pogu.errors import NotFound
from pogu.linux.paths import is_there, open_root, opened, parent_of

T = TypeVar("T")


@dataclass(slots=True)
class MountedRun:
    """What the container gets. `stubs` are paths that are there only to be mounted on."""

    mounts: list[Mount] = field(default_factory=list)
    env: list[str] = field(default_factory=list)
    stubs: list[str] = field(default_factory=list)


class Mounter:
    """Prepares mounts. `passing` is a directory in memory for secrets and sockets."""

    def __init__(self, workshop: Workshop, caches: CacheDirectories, passing: Path) -> None:
        self._workshop = workshop
        self._caches = caches
        self._passing = passing

    @asynccontextmanager
    async def mounted(
        self, step: Run, below: Snapshot, results: Mapping[Step, Snapshot], client: BuildClient
    ) -> AsyncIterator[MountedRun]:
        """Yield what the command of `step` is to have, as long as it runs.

        Raises:
            BuildFailed: a required secret or agent, or a source, is not there.
        """
        run = MountedRun()
        async with AsyncExitStack() as stack:
            for number, mount in enumerate(step.mounts):
                await self._mount(mount, number, run, stack, (results, client, step.line))
            if step.mounts:
                targets = [mount.target for mount in run.mounts]
                run.stubs = await self._workshop.look(below, lambda root: _missing(root, targets))
            yield run

    async def _mount(
        self,
        mount: RunMount,
        number: int,
        run: MountedRun,
        stack: AsyncExitStack,
        around: tuple[Mapping[Step, Snapshot], BuildClient, int],
    ) -> None:
        results, client, line = around
        try:
            if mount.type == "bind":
                source = await self._bound(mount, results, stack)
                run.mounts.append(_bind(source, mount.target, read_only=not mount.writable))
            elif mount.type == "cache":
                source = await stack.enter_async_context(
                    self._caches.used(mount.id, mount.sharing, lambda path: self._fill(mount, path, results))
                )
                run.mounts.append(_bind(source, mount.target, read_only=not mount.writable))
            elif mount.type == "tmpfs":
                run.mounts.append(_memory(mount))
            elif mount.type == "script":
                await self._file(mount, mount.content, run, stack)
            elif mount.type == "secret":
                await self._secret(mount, run, stack, client)
            else:
                await self._agent(mount, number, run, stack, client)
        except NotFound as e:
            raise BuildFailed(e.message, line) from None

    async def _bound(self, mount: RunMount, results: Mapping[Step, Snapshot], stack: AsyncExitStack) -> Path:
        files = mount.files
        assert files is not None, "a bind mount without a source"
        if isinstance(files, StageFiles):
            root = await stack.enter_async_context(self._workshop.root(results[files.step]))
        else:
            root = await files.context.path()
            if mount.writable:  # what is written is thrown away
                copied = await stack.enter_async_context(self._workshop.root(Snapshot()))
                await _in_thread(lambda: _copy_tree(root, copied))
                root = copied
        return await _in_thread(lambda: _inside(root, files.patterns[0]))

    async def _fill(self, mount: RunMount, path: Path, results: Mapping[Step, Snapshot]) -> None:
        """Make a new cache directory what it begins as."""
        files = mount.files
        if isinstance(files, StageFiles):
            await self._workshop.look(
                results[files.step], lambda root: _copy_tree(_inside(root, files.patterns[0]), path)
            )
        elif isinstance(files, ContextFiles):
            source = await files.context.path()
            await _in_thread(lambda: _copy_tree(_inside(source, files.patterns[0]), path))
        else:
            os.chown(path, mount.uid, mount.gid)
            path.chmod(0o755 if mount.mode is None else mount.mode)

    async def _secret(self, mount: RunMount, run: MountedRun, stack: AsyncExitStack, client: BuildClient) -> None:
        try:
            secret = await client.secret(mount.id)
        except NotFound:
            if mount.required:
                raise NotFound(f"secret {mount.id}: not found") from None
            return
        if mount.env:
            run.env.append(f"{mount.env}={secret.decode(errors='surrogateescape')}")
        if mount.target:
            await self._file(mount, secret, run, stack)

    async def _file(self, mount: RunMount, content: bytes, run: MountedRun, stack: AsyncExitStack) -> None:
        path = self._passing / new_id()
        stack.callback(path.unlink, missing_ok=True)
        await _in_thread(lambda: _write_file(path, content, mount))
        run.mounts.append(_bind(path, mount.target, read_only=True))

    async def _agent(
        self, mount: RunMount, number: int, run: MountedRun, stack: AsyncExitStack, client: BuildClient
    ) -> None:
        try:
            await client.check_agent(mount.id)
        except NotFound:
            if mount.required:
                raise
            return
        target = mount.target or f"/run/buildkit/ssh_agent.{number}"
        path = self._passing / new_id()[:24]
        await stack.enter_async_context(agent_socket(path, client, mount.id, mount))
        run.mounts.append(_bind(path, target, read_only=False))
        run.env.append(f"SSH_AUTH_SOCK={target}")

    async def clean(self, id_: str, mounted: MountedRun) -> None:
        """Remove from a container's root, which nothing has mounted, what was made there to be mounted on."""
        if mounted.stubs:
            await self._workshop.edit(id_, lambda root: _remove_stubs(root, mounted.stubs))


async def _in_thread(work: Callable[[], T]) -> T:
    return await run_in_thread(work, lambda: None, "build mount")


def _bind(source: Path, target: str, *, read_only: bool) -> Mount:
    return Mount(type="bind", source=str(source), target=target, read_only=read_only)


def _memory(mount: RunMount) -> Mount:
    return Mount(type="tmpfs", target=mount.target, tmpfs_options={"SizeBytes": mount.size} if mount.size else None)


def _inside(root: Path, path: str) -> Path:
    """Return the host path of something in a tree that nobody changes now; it does not lead out of the tree.

    Raises:
        NotFound: nothing is there.
    """
    found = root / resolve(root, path).lstrip("/")
    if not os.path.lexists(found):
        raise NotFound(f'"{path}": not found')
    return found


def _copy_tree(source: Path, target: Path) -> None:
    with opened(open_root(source)) as old, opened(open_root(target)) as new:
        TreeCopier(old, new).copy()


def _write_file(path: Path, content: bytes, mount: RunMount) -> None:
    with opened(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)) as fd:
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        os.fchown(fd, mount.uid, mount.gid)
        os.fchmod(fd, 0o400 if mount.mode is None else mount.mode)


def _missing(root: Path, targets: list[str]) -> list[str]:
    """Return the paths, parents first, that have to be made in a root to mount on the targets."""
    missing: list[str] = []
    with opened(open_root(root)) as fd:
        for target in targets:
            walked = ""
            for part in resolve(root, target).strip("/").split("/"):
                walked = f"{walked}/{part}"
                if walked not in missing and not is_there(fd, walked):
                    missing.append(walked)
    return missing


def _remove_stubs(root: Path, stubs: list[str]) -> None:
    with opened(open_root(root)) as fd:
        for path in reversed(stubs):
            with suppress(OSError), parent_of(fd, path) as (parent, name):  # the command has made it its own
                status = os.stat(name, dir_fd=parent, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    os.rmdir(name, dir_fd=parent)
                elif stat.S_ISREG(status.st_mode) and status.st_size == 0:
                    os.unlink(name, dir_fd=parent)
