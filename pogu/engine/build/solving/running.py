"""RUN: a command in a container of its own, whose changes become a layer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pogu import failpoints
from pogu.engine.build.failures import CommandFailed
from pogu.engine.build.snapshots import Snapshot
from pogu.engine.build.solving.mounting import MountedRun, Mounter
from pogu.engine.build.steps import Run
from pogu.engine.build.workshop import Workshop
from pogu.engine.containers import Containers
from pogu.engine.containers.attach import AttachOptions
from pogu.engine.images import Image, host_platform
from pogu.engine.images.imageconfig import ImageConfig, RootFS
from pogu.engine.images.layers import Lease
from pogu.engine.model import ContainerConfig, HostConfig, LogConfig, NetworkingConfig, Ulimit
from pogu.errors import PoguError

Output = Callable[[int, bytes], None]
"""Takes 1 or 2 and what was written there, or 0 and the ID of the container where lists show it."""


class Runner:
    """Runs commands of builds. `purpose` is what their containers' records say."""

    def __init__(self, containers: Containers, workshop: Workshop, mounter: Mounter) -> None:
        self._containers = containers
        self._workshop = workshop
        self._mounter = mounter

    async def run(
        self, step: Run, below: Snapshot, mounted: MountedRun, lease: Lease, output: Output, *, hidden: bool
    ) -> Snapshot:
        """Run the command on `below` and return what it has made of it.

        Raises:
            CommandFailed: it ended with another code than 0.
            PoguError: it could not be started.
        """
        purpose = "hidden build" if hidden else "build"
        created = await self._containers.create(
            None,
            _config(step),
            _host_config(step, mounted),
            NetworkingConfig(),
            base=_base(below),
            purpose=purpose,
            passing_env=mounted.env,
        )
        if not hidden:
            output(0, created.id.encode())
        try:
            await self._finish(created.id, step, output)
            failpoints.step("build.command.ended")
            await self._mounter.clean(created.id, mounted)
            return await self._workshop.seal(created.id, below, lease)
        finally:
            await asyncio.shield(self._remove(created.id))

    async def _finish(self, id_: str, step: Run, output: Output) -> None:
        """Start the container and see it to its end; CommandFailed unless that is well."""
        session = await self._containers.attach(id_, AttachOptions(stdout=True, stderr=True, stream=True, logs=True))
        ended = self._containers.wait_handle(id_, "next-exit")
        try:
            await self._containers.start(id_)
            async for stream, data in session.output:
                output(stream, data)
            result = await ended
        finally:
            ended.cancel()
            await session.close()
        if result.code or result.error:
            raise CommandFailed(step.command, result.code, step.line, result.error or "")
        await self._containers.settled(id_)

    async def _remove(self, id_: str) -> None:
        try:
            await self._containers.remove(id_, force=True, volumes=True)
        except PoguError:
            pass


def _base(below: Snapshot) -> Image:
    """Return an image of a snapshot, which no store has."""
    host = host_platform()
    details = ImageConfig(
        RootFS(diff_ids=[layer.diff_id for layer in below.layers]), architecture=host.architecture, os="linux"
    )
    return Image(
        id=below.chain or "",
        parent="",
        repo_tags=[],
        repo_digests=[],
        size=0,
        last_tag_time="",
        chain_ids=below.chains,
        layers=list(below.layers),
        details=details,
        raw=b"",
    )


def _config(step: Run) -> ContainerConfig:
    return ContainerConfig(
        cmd=list(step.args),
        env=[*step.env, *step.proxies],
        working_dir=step.cwd,
        user=step.user,
        hostname=step.hostname,
        attach_stdout=True,
        attach_stderr=True,
        volumes={path: {} for path in step.volumes} or None,
    )


def _host_config(step: Run, mounted: MountedRun) -> HostConfig:
    limits = step.limits
    return HostConfig(
        network_mode=step.network or "default",
        log_config=LogConfig(type="json-file", config={}),
        mounts=mounted.mounts,
        privileged=step.insecure,
        memory=limits.memory,
        memory_swap=limits.memory_swap,
        cpu_shares=limits.cpu_shares,
        cpu_period=limits.cpu_period,
        cpu_quota=limits.cpu_quota,
        cpuset_cpus=limits.cpuset_cpus,
        cpuset_mems=limits.cpuset_mems,
        shm_size=limits.shm_size,
        ulimits=[Ulimit(name=name, soft=soft, hard=hard) for name, soft, hard in limits.ulimits] or None,
        cgroup_parent=limits.cgroup_parent,
        extra_hosts=list(limits.extra_hosts) or None,
        security_opt=list(limits.security_opt) or None,
    )
