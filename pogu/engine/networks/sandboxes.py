"""Sandboxes: network namespaces of containers, and what is connected to them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pogu.engine.networks.bridge_driver import write_sysctl
from pogu.engine.networks.dns.server import ResolverServer
from pogu.engine.networks.endpoint import Endpoint
from pogu.engine.networks.kernel import KernelThreads
from pogu.engine.networks.publishing import Publication
from pogu.engine.networks.ready_namespaces import ReadyNamespaces
from pogu.errors import NotFound, PoguError
from pogu.failpoints import step
from pogu.linux import namespaces
from pogu.linux.rtnetlink import LinkCounters, RouteSocket

log = logging.getLogger(__name__)

_LOOPBACK_INDEX = 1  # always, in every namespace (net/core/dev.c registers it first)
_ANY_GROUP = "0 2147483647"


@dataclass(slots=True)
class Sandbox:
    """One namespace. Changes to it are made one at a time, under `lock`."""

    id: str
    path: Path
    endpoints: dict[str, Endpoint] = field(default_factory=dict)  # by network ID, in the order of joining
    publication: Publication | None = None
    dns: list[str] = field(default_factory=list)  # servers that the container was given
    resolver: ResolverServer | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def gateway(self, version: int) -> Endpoint | None:
        """Return the endpoint that the default route of an IP version leads to."""
        found = [e for e in self.endpoints.values() if (e.gateway4 if version == 4 else e.gateway6)]
        return min(found, key=lambda e: e.gateway_rank) if found else None

    def way_out(self) -> Endpoint | None:
        """Return the endpoint that published ports lead to."""
        return self.gateway(4) or self.gateway(6)

    def defaults_of(self, endpoint: Endpoint) -> list[int]:
        """Return the IP versions whose default route leads to an endpoint."""
        return [version for version in (4, 6) if self.gateway(version) is endpoint]

    def free_interface(self, prefix: str) -> str:
        """Return the name with the lowest free number, as dockerd gives it."""
        taken = {e.interface for e in self.endpoints.values()}
        return next(name for n in range(len(taken) + 1) if (name := f"{prefix}{n}") not in taken)


class Sandboxes:
    """The namespaces of one engine, each bind-mounted at `<run>/netns/<sandbox ID>`."""

    def __init__(self, directory: Path, threads: KernelThreads) -> None:
        self._directory = directory
        self._threads = threads
        self._sandboxes: dict[str, Sandbox] = {}
        self._ready = ReadyNamespaces(threads, _set_up)

    def __iter__(self) -> Iterator[Sandbox]:
        return iter(list(self._sandboxes.values()))

    def path(self, sandbox_id: str) -> Path:
        return self._directory / sandbox_id

    def find(self, sandbox_id: str) -> Sandbox | None:
        return self._sandboxes.get(sandbox_id)

    def get(self, sandbox_id: str) -> Sandbox:
        """Return an open sandbox. Raises NotFound."""
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None:
            raise NotFound(f"no such sandbox: {sandbox_id}")
        return sandbox

    async def prepare(self) -> None:
        await self._threads.call(lambda: self._directory.mkdir(parents=True, exist_ok=True, mode=0o700))

    def close(self) -> None:
        """Let go of what was made ahead; the namespaces of sandboxes stay. Idempotent."""
        self._ready.close()

    async def open(self, sandbox_id: str, dns: Sequence[str]) -> Sandbox:
        """Make the namespace with its loopback interface up; one that is open already is returned as it is."""
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None:
            sandbox = self._sandboxes[sandbox_id] = Sandbox(sandbox_id, self.path(sandbox_id), dns=[*dns])
        async with sandbox.lock:
            try:
                await self._threads.call(_make, sandbox.path, self._ready.take())
                step("network.sandbox.made")
            except OSError as e:
                self._sandboxes.pop(sandbox_id, None)
                raise PoguError(f"cannot make a network namespace: {e.strerror or e}") from e
        return sandbox

    async def adopt(self, sandbox_id: str, dns: Sequence[str]) -> Sandbox | None:
        """Recognise a namespace that an earlier daemon made; None if it is gone."""
        path = self.path(sandbox_id)
        if not await self._threads.call(namespaces.is_namespace, path):
            return None
        return self._sandboxes.setdefault(sandbox_id, Sandbox(sandbox_id, path, dns=[*dns]))

    async def forget(self, sandbox_id: str) -> None:
        """Let go of a namespace: it ends when its last process has ended. Idempotent."""
        self._sandboxes.pop(sandbox_id, None)
        try:
            await self._threads.call(namespaces.remove, self.path(sandbox_id))
            step("network.sandbox.removed")
        except OSError as e:
            raise PoguError(f"cannot remove the network namespace of {sandbox_id}: {e.strerror or e}") from e

    async def forget_others(self) -> list[str]:
        """Let go of every namespace in the directory that no open sandbox has; return their IDs."""
        names = await self._threads.call(lambda: sorted(p.name for p in self._directory.iterdir()))
        orphans = [n for n in names if n not in self._sandboxes]
        for name in orphans:
            await self.forget(name)
        return orphans

    async def counters(self, path: Path) -> dict[str, LinkCounters]:
        """Return the counters of the interfaces of a namespace by name, without the loopback interface."""
        return await self._threads.call(namespaces.inside, path, _counters)


def _make(path: Path, ready: int | None) -> None:
    try:
        if namespaces.is_namespace(path):
            return
        namespaces.remove(path)  # a plain file is all that a crash or a reboot leaves
        if ready is None:
            namespaces.create(path, _set_up)
        else:
            namespaces.keep(ready, path)
    finally:
        if ready is not None:
            os.close(ready)


def _set_up() -> None:
    """Bring the new namespace to what dockerd's containers find."""
    with RouteSocket() as sock:
        sock.set_up(_LOOPBACK_INDEX)
    # Interfaces get IPv6 when a network with IPv6 is joined; the loopback interface has ::1 in any case.
    write_sysctl("ipv6/conf/default/disable_ipv6", 1)
    # Inside its own namespace an unprivileged process may use any port and send ICMP echo requests.
    write_sysctl("ipv4/ip_unprivileged_port_start", 0)
    ping = Path("/proc/sys/net/ipv4/ping_group_range")
    if ping.exists():
        ping.write_text(_ANY_GROUP)


def _counters() -> dict[str, LinkCounters]:
    with RouteSocket() as sock:
        return {link.name: link.counters for link in sock.links() if link.index != _LOOPBACK_INDEX}
