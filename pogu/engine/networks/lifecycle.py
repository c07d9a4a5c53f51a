"""How networks come and go: checked, given subnets, recorded, built; and brought back by the next daemon."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from pogu.engine.config import EngineConfig
from pogu.engine.events import EventBus
from pogu.engine.model import IPAMConfig, Network
from pogu.engine.networks.addresses import Subnet, overlap, parse_subnet
from pogu.engine.networks.bridge_settings import pool_of
from pogu.engine.networks.configurations import apply_configuration, check_configuration, check_unused
from pogu.engine.networks.connections import Connections
from pogu.engine.networks.defaults import default_bridge, plain_network
from pogu.engine.networks.driver import NetworkDriver
from pogu.engine.networks.identity import Identity, bridge_name
from pogu.engine.networks.ipam_request import check_ipam, with_gateway
from pogu.engine.networks.kernel import KernelThreads
from pogu.engine.networks.pools import AddressPools
from pogu.engine.networks.records import PREDEFINED, NetworkRecords
from pogu.engine.networks.subnets import choose_ipv4, choose_ipv6, host_subnets, subnet_lock
from pogu.errors import Conflict, Forbidden, InvalidArgument, NotFound, PoguError
from pogu.failpoints import step

log = logging.getLogger(__name__)


@dataclass(slots=True)
class NetworkLifecycle:
    """Creates, removes and restores networks, one at a time: each chooses a subnet among what the others leave free.

    The record is made before the kernel's objects and deleted after them, so that after a crash there may be a record
    whose bridge is missing, which `restore` makes, but never a bridge that nobody knows of.
    """

    config: EngineConfig
    events: EventBus
    identity: Identity
    threads: KernelThreads
    records: NetworkRecords
    pools: AddressPools
    drivers: Mapping[str, NetworkDriver]
    connections: Connections
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_busy(self) -> bool:
        """Whether a network is being made or removed."""
        return self._one_at_a_time.locked()

    async def rebuild(self, network: Network) -> None:
        """Make the kernel objects of a network again. Raises PoguError."""
        async with self._one_at_a_time:
            if self.records.named(network.name) is network:
                await self.drivers[network.driver].create(network)

    def check(self, network: Network) -> None:
        """Check a new network and complete its address configuration. Raises what `Networks.create` does."""
        name, driver = network.name, network.driver
        if not name.strip():
            raise InvalidArgument("invalid name: name is empty")
        if name in (*PREDEFINED, "default"):
            raise Forbidden(f"operation is not permitted on predefined {name} network")
        if any(ord(c) < 32 or c == "/" for c in name):
            raise InvalidArgument(f"invalid name: {name!r}")
        if self.records.named(name) is not None:
            raise Conflict(f"network with name {name} already exists")
        if network.config_only:
            check_configuration(network)
            network.driver = "null"
            network.ipam = check_ipam(network.ipam)
            return
        if network.config_from:
            apply_configuration(network, self.records)
        found = self.drivers.get(driver)
        if found is None:
            raise NotFound(f'could not find plugin {driver} in v1 plugin registry: plugin "{driver}" not found')
        if not found.creatable:
            raise Forbidden(f'only one instance of "{driver}" network is allowed')
        network.ipam = check_ipam(network.ipam)
        found.check(network)

    async def create(self, network: Network) -> Network:
        """Make a network that `check` has passed."""
        async with self._one_at_a_time:
            self._check_bridge_name(network)
            self.records.reserve(network)
            try:
                with ExitStack() as stack:
                    if not network.config_only:
                        await self._choose_subnets(network, stack)
                    step("network.create.chosen")
                    await self.records.save(network)
                    step("network.create.recorded")
                    await self.drivers[network.driver].create(network)
                    step("network.create.built")
            except BaseException:
                await self._undo(network)
                raise
        self.events.publish("network", "create", network.id, {"name": network.name, "type": network.driver})
        return network

    async def _undo(self, network: Network) -> None:
        self.records.drop(network)
        self.pools.close(network.id)
        try:
            await self.drivers[network.driver].remove(network)
        except PoguError as e:
            log.warning("after a failure, what was made of network %s could not be removed: %s", network.name, e)
        await self.records.delete(network)

    def _check_bridge_name(self, network: Network) -> None:
        name = bridge_name(network)
        for other in self.records.list():
            if other.driver == "bridge" and network.driver == "bridge" and bridge_name(other) == name:
                raise Forbidden(
                    f"cannot create network {network.id} ({name}): conflicts with network {other.id} ({name}): "
                    "networks have same bridge name"
                )

    async def _choose_subnets(self, network: Network, stack: ExitStack) -> None:
        """Give the network the subnets it was not given. `stack` keeps others from choosing the same until the end."""
        pools = network.ipam.config = [*(network.ipam.config or [])]
        missing = [
            version
            for version, enabled in ((4, network.enable_ipv4), (6, network.enable_ipv6))
            if enabled and pool_of(network, version) is None
        ]
        if missing:
            await self.threads.call(stack.enter_context, subnet_lock())
            avoid = [*self.pools.subnets(), *await self.threads.call(host_subnets)]
            for version in missing:
                subnet = (
                    choose_ipv4(self.config.default_address_pools, avoid)
                    if version == 4
                    else choose_ipv6(self.identity.digits, avoid)
                )
                pools.append(with_gateway(IPAMConfig(subnet=str(subnet))))
                network.chosen_subnets = [*network.chosen_subnets, version]
        self.pools.open(network)

    async def remove(self, network: Network) -> None:
        """Delete a network. Raises Forbidden where something uses it, NotFound where it is gone already."""
        async with self._one_at_a_time:
            if self.records.named(network.name) is not network:
                raise NotFound(f"network {network.name} not found")
            if self.connections.on(network.id):
                raise Forbidden(
                    f"error while removing network: network {network.name} id {network.id} has active endpoints"
                )
            check_unused(network, self.records)
            self.records.drop(network)  # from here on nobody joins it
            try:
                step("network.remove.begun")
                await self.drivers[network.driver].remove(network)
                step("network.remove.dismantled")
                await self.records.delete(network)
                step("network.remove.recorded")
            except BaseException:
                self.records.reserve(network)
                await self._restore(network)
                raise
            self.pools.close(network.id)
        self.events.publish("network", "destroy", network.id, {"name": network.name, "type": network.driver})

    async def restore(self) -> None:
        """Bring back the networks of an earlier daemon and make those that every engine has.

        A network that fails is reported and does not keep the engine down.

        Raises:
            PoguError: the default bridge cannot be made.
        """
        async with self._one_at_a_time:
            for network in self.records.list():
                if network.name not in PREDEFINED:
                    await self._restore(network)
            await self._ensure_predefined()

    async def dismantle(self) -> None:
        """Delete the kernel objects of all networks and keep their records, as a reboot would."""
        async with self._one_at_a_time:
            for network in self.records.list():
                try:
                    await self.drivers[network.driver].remove(network)
                except (PoguError, KeyError) as e:
                    log.warning("network %s: %s", network.name, e)

    async def _restore(self, network: Network) -> None:
        if network.config_only:
            return
        try:
            self.pools.open(network)
            driver = self.drivers[network.driver]
            if network.driver == "bridge":
                self._report_conflicts(network, await self.threads.call(host_subnets, bridge_name(network)))
            await driver.create(network)
        except (PoguError, KeyError) as e:
            log.error("network %s could not be restored: %s", network.name, e)

    def _report_conflicts(self, network: Network, reached: list[Subnet]) -> None:
        for pool in network.ipam.config or []:
            subnet = parse_subnet(pool.subnet or "")
            for other in reached:
                if overlap(subnet, other):
                    log.warning("subnet %s of network %s overlaps %s of this host", subnet, network.name, other)

    async def _ensure_predefined(self) -> None:
        networks = [
            plain_network("host", "host", self.records.named("host")),
            plain_network("none", "null", self.records.named("none")),
        ]
        with ExitStack() as stack:
            if self.config.bridge != "none":
                await self.threads.call(stack.enter_context, subnet_lock())
                known, others = self.records.named("bridge"), self.pools.subnets()
                bridge = await self.threads.call(default_bridge, self.config, known, others)
                self.drivers["bridge"].check(bridge)
                self.pools.open(bridge)
                await self.drivers["bridge"].create(bridge)
                networks.append(bridge)
        for network in networks:
            before = self.records.named(network.name)
            if before is not None:
                self.records.drop(before)
            self.records.reserve(network)
            if before is None or before.encode() != network.encode():
                await self.records.save(network)
