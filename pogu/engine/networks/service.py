"""The networks of one engine: what the other rooms call."""

from __future__ import annotations

import asyncio
import builtins
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pogu.engine.config import EngineConfig
from pogu.engine.events import EventBus
from pogu.engine.model import IPAM, EndpointSettings, Network, PortBinding
from pogu.engine.moments import now_rfc3339
from pogu.engine.naming import new_id
from pogu.engine.networks.account import Account
from pogu.engine.networks.addresses import Address
from pogu.engine.networks.bridge_driver import BridgeDriver, write_sysctl
from pogu.engine.networks.connections import Connections
from pogu.engine.networks.driver import NetworkDriver
from pogu.engine.networks.endpoint import Endpoint
from pogu.engine.networks.firewall import Firewall
from pogu.engine.networks.identity import Identity, bridge_name
from pogu.engine.networks.kernel import KernelThreads
from pogu.engine.networks.lifecycle import NetworkLifecycle
from pogu.engine.networks.plain_drivers import HostDriver, NullDriver
from pogu.engine.networks.pools import AddressPools
from pogu.engine.networks.reconciliation import delete_links, engine_links, host_links
from pogu.engine.networks.records import PREDEFINED, NetworkRecords, matches_prune
from pogu.engine.networks.sandboxes import Sandboxes
from pogu.engine.state import StateStore
from pogu.errors import Forbidden, NotFound, PoguError
from pogu.linux.rtnetlink import Link, LinkCounters

log = logging.getLogger(__name__)

_GRACE_SECONDS = 2.0

Ports = Mapping[str, Sequence[PortBinding] | None]


class Networks:
    """Networks, the sandboxes connected to them and their published ports.

    A sandbox ID is the ID of the container that has it. Operations on one sandbox are carried out one at a time, and
    each runs to its end even if its caller is cancelled.
    """

    def __init__(self, config: EngineConfig, state: StateStore, events: EventBus) -> None:
        self.in_use: Callable[[str], Mapping[str, str]] = lambda network_id: {}
        self._config = config
        self._events = events
        self._identity = Identity.of(config)
        self._threads = KernelThreads()
        self._firewall = Firewall(config.table, enabled=config.iptables)
        self._records = NetworkRecords(state)
        self._pools = AddressPools()
        self._sandboxes = Sandboxes(config.run / "netns", self._threads)
        self._drivers: dict[str, NetworkDriver] = {
            d.name: d for d in (BridgeDriver(self._identity, self._threads, self._firewall), HostDriver(), NullDriver())
        }
        self._connections = Connections(
            config=config,
            events=events,
            threads=self._threads,
            firewall=self._firewall,
            pools=self._pools,
            sandboxes=self._sandboxes,
            drivers=self._drivers,
        )
        self._reconciled = self._stopped = False
        self._lifecycle = NetworkLifecycle(
            config=config,
            events=events,
            identity=self._identity,
            threads=self._threads,
            records=self._records,
            pools=self._pools,
            drivers=self._drivers,
            connections=self._connections,
        )

    # -- the daemon's life ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Read the records and make or repair the networks' kernel objects; `reconcile` must follow.

        The firewall table is left as an earlier daemon wrote it until `reconcile` knows the published ports.

        Raises:
            PoguError: the default bridge cannot be set up.
        """
        self._firewall.hold()
        self._records.load()
        await self._sandboxes.prepare()
        if self._config.ip_forward:
            await self._threads.call(write_sysctl, "ipv4/ip_forward", 1)
        await self._lifecycle.restore()

    async def stop(self, *, dismantle: bool = True) -> None:
        """Let go of sockets and threads. Idempotent.

        While sandboxes are open, all kernel objects stay and go on serving. Without any, bridges and the firewall
        table are deleted (the next `start` makes them again), unless `dismantle` is false. Before `reconcile` nobody
        knows which sandboxes there are, and everything stays.
        """
        if self._stopped:
            return
        self._stopped = True
        if dismantle and self._reconciled and not any(True for _ in self._sandboxes):
            await self._lifecycle.dismantle()
            try:
                await self._threads.call(self._firewall.delete_table)
            except PoguError as e:
                log.warning("%s", e)
        self._connections.release_all()
        await self._threads.close()
        self._sandboxes.close()
        self._firewall.close()

    async def reconcile(
        self,
        live: Mapping[str, Mapping[str, EndpointSettings]],
        published: Mapping[str, Ports] | None = None,
        names: Mapping[str, str] | None = None,
        dns: Mapping[str, Sequence[str]] | None = None,
        *,
        keep_strays: bool = False,
    ) -> None:
        """Take over what an earlier daemon left running, and delete what belongs to nobody any more.

        Args:
            live: sandbox ID -> network ID or name -> endpoint, of the running containers with a sandbox.
            published: sandbox ID -> their `NetworkSettings.Ports`.
            names: sandbox ID -> container name, for messages.
            dns: sandbox ID -> DNS servers, as for `open_sandbox`.
            keep_strays: delete nothing, since records may be missing.
        """
        await asyncio.gather(
            *(
                self._adopt(
                    sandbox_id,
                    endpoints,
                    (published or {}).get(sandbox_id),
                    (names or {}).get(sandbox_id, sandbox_id[:12]),
                    (dns or {}).get(sandbox_id, ()),
                )
                for sandbox_id, endpoints in live.items()
            )
        )
        await self._settle()
        self._reconciled = not keep_strays
        if keep_strays:
            return
        orphans = await self._sandboxes.forget_others()
        if orphans:
            log.info("deleted %d namespaces that belonged to nobody", len(orphans))
        self._threads.start_soon(self._delete_orphan_links())

    # -- networks ------------------------------------------------------------------------------------------------

    def get(self, ref: str) -> Network:
        """Return a network by name, ID or beginning of an ID.

        Raises:
            NotFound: `network X not found`. InvalidArgument: several match.
        """
        return self._records.get(ref)

    def list(self) -> builtins.list[Network]:
        """Return all networks."""
        return self._records.list()

    def endpoints(self, network_id: str) -> dict[str, EndpointSettings]:
        """Return the endpoints in use on a network, by sandbox ID."""
        return {e.sandbox_id: e.settings for e in self._connections.on(network_id)}

    async def create(
        self,
        name: str,
        driver: str = "bridge",
        ipam: IPAM | None = None,
        *,
        internal: bool = False,
        attachable: bool = False,
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        enable_ipv4: bool = True,
        enable_ipv6: bool = False,
        config_only: bool = False,
        config_from: str = "",
    ) -> Network:
        """Make a network; when this returns its record is durable and its bridge stands.

        Raises:
            Conflict: the name is taken. Forbidden: the name is predefined, or a subnet overlaps another network's,
                or a configuration contradicts.
            InvalidArgument: an option or address is wrong, or no subnet is free. NotFound: no such driver
                or configuration.
        """
        network = Network(
            name=name,
            id=new_id(),
            created=now_rfc3339(),
            driver=driver,
            enable_ipv4=enable_ipv4,
            enable_ipv6=enable_ipv6,
            ipam=ipam or IPAM(),
            internal=internal,
            attachable=attachable,
            options={**({} if config_from else self._config.default_network_opts.get(driver, {})), **(options or {})},
            labels=dict(labels or {}),
            config_only=config_only,
            config_from=config_from,
        )
        self._lifecycle.check(network)
        return await self._threads.finish(self._lifecycle.create(network))

    async def remove(self, ref: str) -> None:
        """Delete a network without endpoints.

        Raises:
            NotFound: there is none. Forbidden: it is predefined, or has active endpoints.
        """
        network = self.get(ref)
        if network.name in PREDEFINED:
            raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
        await self._threads.finish(self._lifecycle.remove(network))

    async def prune(self, filters: Mapping[str, Sequence[str]] | None = None) -> builtins.list[str]:
        """Delete the networks that no container uses and the filters (`label`, `label!`, `until`) choose.

        Returns their names.

        Raises:
            InvalidArgument: a filter's value is wrong.
        """
        chosen = [n for n in self.list() if n.name not in PREDEFINED and matches_prune(n, filters or {})]
        chosen = [n for n in chosen if not n.config_only]
        removed: builtins.list[str] = []
        for network in chosen:
            if self._connections.on(network.id) or self.in_use(network.id):
                continue
            try:
                await self.remove(network.id)
            except (Forbidden, NotFound):  # used or removed since
                continue
            except PoguError as e:
                log.warning("could not prune network %s: %s", network.name, e)
                continue
            removed.append(network.name)
        self._events.publish("network", "prune", "", {"reclaimed": "0"})
        return removed

    # -- sandboxes -----------------------------------------------------------------------------------------------

    async def open_sandbox(self, sandbox_id: str, dns: Sequence[str] = ()) -> Path:
        """Make a network namespace with its loopback interface up, and return the path that names it. Idempotent.

        Args:
            dns: the servers that the embedded DNS server asks for this container, if not the engine's or the host's.

        Raises:
            PoguError: the kernel refuses.
        """
        await self._settle()
        return (await self._threads.finish(self._sandboxes.open(sandbox_id, dns))).path

    async def join(
        self,
        sandbox_id: str,
        network: Network,
        wanted: EndpointSettings,
        *,
        container_name: str = "",
        hostname: str = "",
    ) -> EndpointSettings:
        """Connect a sandbox to a network, and return the settings filled with what it got.

        On the networks `host` and `none` no sandbox needs to be open. Publishes `connect`.

        Raises:
            NotFound: no such sandbox, or the network is gone.
            Forbidden: it is connected already, or an address asked for is taken.
            InvalidArgument: an address or alias is not allowed there. Unavailable: no address is free.
        """
        network = self.get(network.id)
        return await self._threads.finish(
            self._connections.join(sandbox_id, network, wanted, container_name or sandbox_id[:12], hostname)
        )

    async def leave(self, sandbox_id: str, network_id: str) -> None:
        """Disconnect a sandbox that goes on. Idempotent. Publishes `disconnect`."""
        await self._threads.finish(self._connections.leave(sandbox_id, network_id))

    async def publish(
        self, sandbox_id: str, ports: Ports, exposed: Iterable[str] = (), publish_all: bool = False
    ) -> dict[str, builtins.list[PortBinding] | None]:
        """Publish a sandbox's ports in place of those it had, and return them as inspect shows them.

        Ports lead to the endpoint that gives the default route, and follow it when that changes. A sandbox without
        one (networks none or internal) publishes nothing.

        Raises:
            Conflict: a port is taken; nothing is published then. InvalidArgument: a port or address is wrong.
        """
        await self._settle()
        return await self._threads.finish(self._connections.publish(sandbox_id, ports, [*exposed], publish_all))

    async def unpublish(self, sandbox_id: str) -> None:
        """Give a sandbox's host ports back. Idempotent."""
        await self._threads.finish(self._connections.unpublish(sandbox_id))

    async def close_sandbox(self, sandbox_id: str) -> None:
        """End a sandbox: when this returns its ports are closed and its addresses free. Idempotent.

        The kernel deletes the namespace once its last process has ended. Publishes `disconnect` for each network.
        """
        await self._threads.finish(self._connections.close(sandbox_id))

    async def publish_warnings(self, ref: str) -> builtins.list[str]:
        """Say where the host's firewall keeps others from the published ports on a network, and what opens it.

        Nothing is said of a network that is not there (yet) or has no bridge.
        """
        try:
            network = self.get(ref)
        except PoguError:
            return []
        if network.driver != "bridge":
            return []
        obstacles = await self._threads.call(self._firewall.obstacles)
        return [
            f"Published ports do not answer: the chain {o.place} drops forwarded packets by default. "
            f"To let them pass: {o.remedy(bridge_name(network))}"
            for o in obstacles
        ]

    def has_resolver(self, sandbox_id: str) -> bool:
        """Say whether the embedded DNS server listens at 127.0.0.11 in a sandbox.

        It does once the sandbox has joined a user-defined network.
        """
        sandbox = self._sandboxes.find(sandbox_id)
        return sandbox is not None and sandbox.resolver is not None

    def rename(self, sandbox_id: str, name: str) -> None:
        """Let the other containers on its networks find a container by its new name, and by the old one no more."""
        self._connections.rename(sandbox_id, name)

    def shown_ports(self, sandbox_id: str) -> dict[str, builtins.list[PortBinding] | None]:
        """Return what `publish` returned last for a sandbox, {} if nothing is published."""
        sandbox = self._sandboxes.find(sandbox_id)
        return sandbox.publication.shown() if sandbox and sandbox.publication else {}

    async def stats(self, sandbox: str | Path) -> dict[str, LinkCounters]:
        """Return the traffic of each interface (but the loopback) by name.

        Args:
            sandbox: a sandbox ID, or the path of a namespace such as /proc/PID/ns/net.

        Raises:
            NotFound: it is gone.
        """
        path = sandbox if isinstance(sandbox, Path) else self._sandboxes.path(sandbox)
        try:
            return await self._sandboxes.counters(path)
        except OSError as e:
            raise NotFound(f"no such sandbox: {sandbox}") from e

    # -- looking at it from outside, and repairing ---------------------------------------------------------------

    def account(self) -> Account:
        """Return what the room believes."""
        endpoints = [e for e in self._connections.all() if self._drivers[e.network.driver].addressed]
        held = {(e.network.id, a.ip) for e in endpoints for a in (e.ipv4, e.ipv6) if a is not None}
        bridges = [n for n in self._records.list() if n.driver == "bridge" and not n.config_only]
        return Account(
            bridges={bridge_name(n): n for n in bridges},
            interfaces={self._identity.veth(e.id): e for e in endpoints},
            sandboxes=list(self._sandboxes),
            leaked=[given for given in self._pools.given() if given not in held],
            ending={self._identity.veth(i) for i in self._connections.ending},
            busy=self._lifecycle.is_busy,
        )

    async def own_links(self) -> builtins.list[Link]:
        """Return the interfaces that the engine has made on the host."""
        return await self._threads.call(engine_links, self._identity)

    async def all_links(self) -> builtins.list[Link]:
        """Return all interfaces of the host."""
        return await self._threads.call(host_links)

    async def firewall_differences(self) -> builtins.list[str]:
        """Return what the kernel's table has too much or too little. Raises PoguError."""
        return await self._threads.call(self._firewall.differences)

    async def rewrite_firewall(self) -> None:
        """Write the table anew. Raises PoguError."""
        await self._threads.call(self._firewall.rebuild)

    async def rebuild(self, network: Network) -> None:
        """Make a network's bridge again, and put its interfaces back on it. Raises PoguError."""
        await self._threads.finish(self._lifecycle.rebuild(network))
        for endpoint in self._connections.on(network.id):
            await self.reconnect(endpoint)

    async def reconnect(self, endpoint: Endpoint) -> None:
        """Give an endpoint its interface again. Raises PoguError."""
        await self._threads.finish(self._connections.repair(endpoint))

    async def delete_link(self, name: str) -> None:
        """Delete an interface of the engine's that belongs to nobody. Raises OSError."""
        await self._threads.call(delete_links, [name])

    async def free_address(self, network_id: str, address: Address) -> None:
        """Give back an address that no endpoint has."""
        self._pools.free(network_id, address)

    # -- inside --------------------------------------------------------------------------------------------------

    async def _delete_orphan_links(self) -> None:
        """Delete interfaces that belong to nobody; those in namespaces that have ended the kernel deletes faster."""
        await self._threads.pause(_GRACE_SECONDS)
        try:
            found = await self._threads.call(engine_links, self._identity)
            # Endpoints and records are noted before their interfaces are made: whatever was found and is not among
            # them now is nobody's.
            kept = {self._identity.veth(e.id) for s in self._sandboxes for e in s.endpoints.values()}
            kept |= {name for n in self._records.list() for name in (bridge_name(n), self._identity.draft(n.id))}
            orphans = [link.name for link in found if link.name not in kept]
            await self._threads.call(delete_links, orphans)
        except OSError as e:
            log.warning("interfaces that belong to nobody could not be deleted: %s", e)
            return
        if orphans:
            log.info("deleted interfaces that belonged to nobody: %s", ", ".join(orphans))

    async def _adopt(
        self,
        sandbox_id: str,
        endpoints: Mapping[str, EndpointSettings],
        published: Ports | None,
        name: str,
        dns: Sequence[str],
    ) -> None:
        try:
            found = {self.get(ref).id: (self.get(ref), settings) for ref, settings in endpoints.items()}
            await self._connections.adopt(sandbox_id, [*found.values()], published, name=name, dns=dns)
        except PoguError as e:
            log.warning("the network of %s could not be taken over: %s", name, e)

    async def _settle(self) -> None:
        """Write the firewall table, if it is still what an earlier daemon left."""
        if self._firewall.held:
            await self._threads.call(self._firewall.rebuild)
