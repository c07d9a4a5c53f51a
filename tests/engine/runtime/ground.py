"""What the tests of the runtime share: a supervisor, and containers described in one line."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

from pogu.engine.config import EngineConfig
from pogu.engine.model import Container, ContainerConfig, HostConfig
from pogu.engine.runtime import (
    ConmonSupervisor,
    ExecProcess,
    HostFacts,
    LaunchSpec,
    Namespaces,
    exec_process,
    oci_spec,
    process_env,
    read_host,
    resolve_user,
)
from pogu.linux.cgroups import Cgroup


class Ground:
    """One supervisor with its own directories and cgroup."""

    def __init__(
        self, rootfs: Path, base: Path, runtime: str, cgroup_driver: str = "cgroupfs", spares: int = 0
    ) -> None:
        self.rootfs = rootfs
        self.base = base
        self.config = EngineConfig(
            root=base / "root",
            run=base / "run",
            runtime=runtime,
            cgroup_parent=f"/pogu-test-{secrets.token_hex(4)}",
            cgroup_driver=cgroup_driver,
            spare_supervisors=spares,
        )
        self.supervisor = ConmonSupervisor(self.config)
        self.host: HostFacts = read_host()

    def launch(self, *args: str, id: str = "", **options: Any) -> LaunchSpec:
        """Return a container's description. Options are fields of HostConfig, and these: user, namespaces, mounts,
        terminal, stdin, stdin_once, env, size."""
        id = id or secrets.token_hex(32)
        config = ContainerConfig(hostname=id[:12], tty=options.pop("terminal", False), env=options.pop("env", None))
        stdin, once = options.pop("stdin", False), options.pop("stdin_once", False)
        user, namespaces = options.pop("user", ""), options.pop("namespaces", Namespaces())
        mounts, size = options.pop("mounts", []), options.pop("size", None)
        container = Container(
            id=id,
            name=id[:12],
            created="",
            image_id="",
            config=config,
            host_config=HostConfig(console_size=size, **options),
            path=args[0],
            args=list(args[1:]),
        )
        spec = oci_spec(
            container,
            rootfs=self.rootfs,
            user=resolve_user(self.rootfs, user, container.host_config.group_add),
            namespaces=namespaces,
            mounts=mounts,
            host=self.host,
            config=self.config,
        )
        state = self.config.root / "containers" / id
        state.mkdir(parents=True, exist_ok=True)
        return LaunchSpec(
            id=id,
            spec=spec,
            log_path=state / "output.log",
            persist_dir=state / "exit",
            terminal=bool(config.tty),
            stdin=stdin,
            stdin_once=once,
        )

    async def start(self, *args: str, **options: Any) -> LaunchSpec:
        """Create and start a container."""
        spec = self.launch(*args, **options)
        await self.supervisor.create(spec)
        await self.supervisor.start(spec.id)
        return spec

    async def run(self, *args: str, **options: Any) -> tuple[int | None, str]:
        """Run a container to its end and return its exit code and all its output."""
        spec = await self.start(*args, **options)
        end = await self.supervisor.wait(spec.id)
        await self.supervisor.delete(spec.id)
        return end.code, output(spec)

    async def exec(self, spec: LaunchSpec, *args: str, **options: Any) -> ExecProcess:
        """Start a process in a running container."""
        terminal, stdin = options.pop("terminal", False), options.pop("stdin", False)
        user = resolve_user(self.rootfs, options.pop("user", ""))
        container = Container(
            id=spec.id, name="", created="", image_id="", config=ContainerConfig(hostname="h"), host_config=HostConfig()
        )
        process = exec_process(
            spec.spec["process"],
            args,
            user=user,
            env=process_env(container, user, own=options.pop("env", ()), terminal=terminal),
            host=self.host,
            terminal=terminal,
            **options,
        )
        return await self.supervisor.exec(spec.id, process, terminal=terminal, stdin=stdin)

    def cgroup(self, spec: LaunchSpec) -> Cgroup:
        path = spec.spec["linux"]["cgroupsPath"]
        return Cgroup(f"/system.slice/pogu-{spec.id}.scope" if self.config.cgroup_driver == "systemd" else path)

    async def restart_daemon(self) -> None:
        """Replace the supervisor by a new one that knows only what is on disk and in /proc."""
        await self.supervisor.close()
        self.supervisor = ConmonSupervisor(self.config)
        await self.supervisor.prepare()

    async def clear(self) -> None:
        for id in self.supervisor.listing():
            await self.supervisor.delete(id)
        await self.supervisor.close()
        Cgroup(self.config.cgroup_parent).remove()


def output(spec: LaunchSpec, stream: str = "") -> str:
    """Return what a container wrote, from its log; of one stream (`stdout`) or both."""
    return parse_log(spec.log_path.read_text(), stream)


def parse_log(log: str, stream: str = "") -> str:
    """Return the text in a log of conmon's k8s-file format; lines may be in parts (P) before the last (F)."""
    text = []
    for line in log.splitlines():
        _, name, tag, content = line.split(" ", 3)
        if not stream or name == stream:
            text.append(content + ("\n" if tag == "F" else ""))
    return "".join(text)


async def until(condition: Any, what: str, seconds: float = 10) -> None:
    """Wait until a condition holds; fail with what was waited for."""
    for _ in range(int(seconds * 100)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"waited {seconds} s for {what}")


async def read_all(process: ExecProcess) -> dict[int, bytes]:
    """Return all that a process writes, by stream."""
    found: dict[int, bytes] = {1: b"", 2: b""}
    while (piece := await process.read()) is not None:
        found[piece[0]] += piece[1]
    return found
