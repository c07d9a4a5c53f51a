"""Joining and leaving networks, publishing ports, and ending sandboxes."""

from __future__ import annotations

import logging
import re
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_interface
from typing import Any

import msgspec

from pogu.engine.config import EngineConfig
from pogu.engine.events import EventBus
from pogu.engine.model import EndpointSettings, Network, PortBinding
from pogu.engine.naming import new_id
from pogu.engine.networks.bridge_settings import INTERFACE_NAME, bridge_settings, is_interface_name
from pogu.engine.networks.dns.names import Names
from pogu.engine.networks.dns.server import ResolverServer
from pogu.engine.networks.dns.upstream import Upstream
from pogu.engine.networks.driver import NetworkDriver
from pogu.engine.networks.endpoint import Endpoint
from pogu.engine.networks.endpoint_check import check_settings, is_user_defined
from pogu.engine.networks.firewall import Firewall
from pogu.engine.networks.identity import mac_for
from pogu.engine.networks.kernel import KernelThreads
from pogu.engine.networks.pools import AddressPools
from pogu.engine.networks.port_claims import PortClaims
from pogu.engine.networks.publishing import Publication, publish, republish
from pogu.engine.networks.sandboxes import Sandbox, Sandboxes
from pogu.errors import Forbidden, InvalidArgument, PoguError
from pogu.failpoints import step
from pogu.linux.conntrack import forget_udp
from pogu.linux.nftables import NftablesError

log = logging.getLogger(__name__)

_GRACE_SECONDS = 2.0
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(slots=True)
class Connections:
    """What is connected to what, of one engine."""

    config: EngineConfig
    events: EventBus
    threads: KernelThreads
    firewall: Firewall
    pools: AddressPools
    sandboxes: Sandboxes
    drivers: Mapping[str, NetworkDriver]
    claims: PortClaims = field(default_factory=PortClaims)
    names: Names = field(default_factory=Names)
    ending: set[str] = field(default_factory=set)  # endpoints whose interfaces are being deleted
    _endpoints: dict[str, dict[str, Endpoint]] = field(default_factory=dict)  # network ID -> sandbox ID -> endpoint

    def on(self, network_id: str) -> list[Endpoint]:
        """Return the endpoints of a network, those being connected included."""
        return list(self._endpoints.get(network_id, {}).values())

    async def join(
        self, sandbox_id: str, network: Network, wanted: EndpointSettings, name: str, hostname: str
    ) -> EndpointSettings:
        """See `Networks.join`."""
        driver = self.drivers[network.driver]
        settings = msgspec.convert(msgspec.to_builtins(wanted), EndpointSettings)
        endpoint = Endpoint(new_id(), sandbox_id, name, network, settings)
        endpoint.names = _names(name, sandbox_id, hostname, settings) if is_user_defined(network) else []
        check_settings(network, settings)
        if driver.addressed:
            await self._attach(driver, endpoint)
        else:
            self._note(endpoint)
        self.events.publish("network", "connect", network.id, self._attributes(endpoint))
        return endpoint.fill()

    async def leave(self, sandbox_id: str, network_id: str) -> None:
        """See `Networks.leave`."""
        endpoint = self._endpoints.get(network_id, {}).get(sandbox_id)
        if endpoint is None:
            return
        sandbox = self.sandboxes.find(sandbox_id)
        if sandbox is not None and network_id in sandbox.endpoints:
            async with sandbox.lock:
                had, way_out = sandbox.defaults_of(endpoint), sandbox.way_out()
                await self.drivers[endpoint.network.driver].detach(endpoint, sandbox.path)
                step("network.leave.detached")
                sandbox.endpoints.pop(network_id, None)
                await self._follow_gateways(sandbox, had)
                if way_out is endpoint:
                    await self._aim(sandbox, sandbox.way_out())
        self._drop(endpoint)

    async def publish(
        self, sandbox_id: str, ports: Mapping[str, Sequence[PortBinding] | None], exposed: list[str], publish_all: bool
    ) -> dict[str, list[PortBinding] | None]:
        """See `Networks.publish`."""
        sandbox = self.sandboxes.find(sandbox_id)
        if sandbox is None:
            return {}
        async with sandbox.lock:
            await self._unpublish(sandbox)
            endpoint = sandbox.way_out()
            if endpoint is None:
                return {}
            publication = publish(
                self.claims,
                endpoint,
                ports=ports,
                exposed=exposed,
                publish_all=publish_all,
                default_address=self.config.publish_address,
            )
            try:
                step("network.publish.claimed")
                await self._translate(sandbox, publication, endpoint)
                step("network.publish.translated")
            except BaseException:
                publication.release(self.claims)
                await self.threads.call(self.firewall.publish, sandbox.id, [])
                raise
            sandbox.publication = publication
            return publication.shown()

    async def unpublish(self, sandbox_id: str) -> None:
        """See `Networks.unpublish`."""
        sandbox = self.sandboxes.find(sandbox_id)
        if sandbox is not None:
            async with sandbox.lock:
                await self._unpublish(sandbox)

    async def close(self, sandbox_id: str) -> None:
        """See `Networks.close_sandbox`. A step that fails keeps none of the others from being taken."""
        sandbox = self.sandboxes.find(sandbox_id)
        ended = list(sandbox.endpoints.values()) if sandbox is not None else []
        failures: list[PoguError] = []
        if sandbox is not None:
            async with sandbox.lock:
                if sandbox.resolver is not None:
                    sandbox.resolver.close()
                await _attempt(self._unpublish(sandbox), failures)
                for endpoint in ended:
                    await _attempt(self.drivers[endpoint.network.driver].abandon(endpoint), failures)
                sandbox.endpoints.clear()
        await _attempt(self.sandboxes.forget(sandbox_id), failures)
        for of_network in list(self._endpoints.values()):
            if sandbox_id in of_network:
                self._drop(of_network[sandbox_id])
        if ended:
            self.ending.update(e.id for e in ended)
            self.threads.start_soon(self._clear_away(ended))
        if failures:
            raise failures[0]

    async def adopt(
        self,
        sandbox_id: str,
        endpoints: Sequence[tuple[Network, EndpointSettings]],
        published: Mapping[str, Sequence[PortBinding] | None] | None,
        *,
        name: str,
        dns: Sequence[str],
    ) -> None:
        """Take over the sandbox of a running container from an earlier daemon; repair what it has lost."""
        sandbox = await self.sandboxes.adopt(sandbox_id, dns)
        for network, settings in endpoints:
            endpoint = _revive(sandbox_id, network, settings, name)
            self.pools.adopt(endpoint)
            self._note(endpoint)
            if sandbox is not None and self.drivers[network.driver].addressed:
                sandbox.endpoints[network.id] = endpoint
        if sandbox is None:
            return
        for endpoint in list(sandbox.endpoints.values()):
            default = sandbox.defaults_of(endpoint)
            try:
                await self.drivers[endpoint.network.driver].adopt(endpoint, sandbox.path, default=default)
                self.names.add(endpoint)
                if is_user_defined(endpoint.network):
                    await self._ensure_resolver(sandbox)
            except (PoguError, OSError) as e:
                log.warning("%s on network %s: %s", name, endpoint.network.name, e)
        way_out = sandbox.way_out()
        if published and way_out is not None:
            sandbox.publication = republish(self.claims, way_out, published)
            await self._translate(sandbox, sandbox.publication, way_out)

    def all(self) -> list[Endpoint]:
        """Return every endpoint."""
        return [e for of_network in self._endpoints.values() for e in of_network.values()]

    async def repair(self, endpoint: Endpoint) -> None:
        """Give an endpoint its interface again. Raises PoguError."""
        sandbox = self.sandboxes.get(endpoint.sandbox_id)
        async with sandbox.lock:
            default = sandbox.defaults_of(endpoint)
            await self.drivers[endpoint.network.driver].adopt(endpoint, sandbox.path, default=default)

    def rename(self, sandbox_id: str, name: str) -> None:
        """See `Networks.rename`."""
        for of_network in self._endpoints.values():
            endpoint = of_network.get(sandbox_id)
            if endpoint is None:
                continue
            self.names.remove(endpoint)
            if endpoint.names:
                kept = [n for n in endpoint.names if n != endpoint.name]
                endpoint.names = list(dict.fromkeys([name, *kept]))
                endpoint.settings.dns_names = list(endpoint.names)
            endpoint.name = name
            sandbox = self.sandboxes.find(sandbox_id)
            if sandbox is not None and endpoint.network.id in sandbox.endpoints:
                self.names.add(endpoint)

    def release_all(self) -> None:
        """Close the sockets of all published ports and DNS servers; what the kernel translates goes on."""
        for sandbox in self.sandboxes:
            if sandbox.resolver is not None:
                sandbox.resolver.close()
            if sandbox.publication is not None:
                sandbox.publication.release(self.claims)

    # -- inside --------------------------------------------------------------------------------------------------

    async def _attach(self, driver: NetworkDriver, endpoint: Endpoint) -> None:
        network, settings = endpoint.network, endpoint.settings
        sandbox = self.sandboxes.get(endpoint.sandbox_id)
        if network.id in sandbox.endpoints or endpoint.sandbox_id in self._endpoints.get(network.id, {}):
            raise Forbidden(f"endpoint with name {endpoint.name} already exists in network {network.name}")
        before = settings.ip_address or ""
        self.pools.assign(endpoint, settings.ipam_config)
        self._note(endpoint)
        try:
            endpoint.mac = _mac(endpoint, before)
            options = bridge_settings(network)
            endpoint.gateway4 = options.gateway4 if endpoint.ipv4 else None
            endpoint.gateway6 = options.gateway6 if endpoint.ipv6 else None
            async with sandbox.lock:
                await self._attach_locked(driver, sandbox, endpoint, options.interface_prefix)
        except BaseException:
            self._forget(endpoint)
            raise

    async def _attach_locked(self, driver: NetworkDriver, sandbox: Sandbox, endpoint: Endpoint, prefix: str) -> None:
        endpoint.interface = _interface(sandbox, endpoint, prefix)
        way_out = sandbox.way_out()
        sandbox.endpoints[endpoint.network.id] = endpoint
        try:
            await driver.attach(endpoint, sandbox.path, default=sandbox.defaults_of(endpoint))
            step("network.attach.configured")
            if is_user_defined(endpoint.network):
                await self._ensure_resolver(sandbox)
            if way_out is not None and sandbox.way_out() is endpoint:
                await self._aim(sandbox, endpoint)
        except BaseException:
            had = sandbox.defaults_of(endpoint)
            sandbox.endpoints.pop(endpoint.network.id, None)
            await _attempt(driver.detach(endpoint, sandbox.path), [])
            await _attempt(self._follow_gateways(sandbox, had), [])
            raise
        self.names.add(endpoint)

    async def _ensure_resolver(self, sandbox: Sandbox) -> None:
        if sandbox.resolver is not None:
            return
        try:
            sockets = await self.threads.call(ResolverServer.open_sockets, sandbox.path)
        except (OSError, NftablesError) as e:
            raise PoguError(f"cannot start the DNS server of {sandbox.id[:12]}: {e}") from e
        sandbox.resolver = ResolverServer(
            self.names,
            Upstream(sandbox.path, sandbox.dns or self.config.dns),
            endpoints=lambda: list(sandbox.endpoints.values()),
            may_ask_others=lambda: sandbox.way_out() is not None,
            sockets=sockets,
        )

    async def _follow_gateways(self, sandbox: Sandbox, versions: Sequence[int]) -> None:
        """After the endpoint with these default routes has gone: let the next ones take its place."""
        for version in versions:
            gateway = sandbox.gateway(version)
            if gateway is not None:
                await self.drivers[gateway.network.driver].set_default(gateway, sandbox.path, [version])

    async def _aim(self, sandbox: Sandbox, gateway: Endpoint | None) -> None:
        publication = sandbox.publication
        if publication is not None:
            await self._translate(sandbox, publication, gateway)
            publication.aim(gateway)

    async def _translate(self, sandbox: Sandbox, publication: Publication, gateway: Endpoint | None) -> None:
        mappings = publication.mappings(gateway) if gateway else []
        await self.threads.call(self.firewall.publish, sandbox.id, mappings)
        await self._forget_flows(publication)
        if gateway is not None and mappings:
            await self.drivers[gateway.network.driver].allow_hairpin(gateway)

    async def _unpublish(self, sandbox: Sandbox) -> None:
        publication = sandbox.publication
        if publication is not None:
            try:
                await self.threads.call(self.firewall.publish, sandbox.id, [])
                await self._forget_flows(publication)
            finally:
                publication.release(self.claims)
                sandbox.publication = None

    async def _forget_flows(self, publication: Publication) -> None:
        """Let UDP clients that have been sending all along take the new way, or the old one no more."""
        ports = {p.claim.port for p in publication.ports if p.port.protocol == "udp"}
        if ports:
            try:
                await self.threads.call(forget_udp, ports)
            except OSError as e:
                log.warning("clients that send to UDP ports %s already may be led astray: %s", sorted(ports), e)

    async def _clear_away(self, ended: list[Endpoint]) -> None:
        """Delete interfaces whose namespace some process keeps alive; usually the kernel was there first."""
        await self.threads.pause(_GRACE_SECONDS)
        for endpoint in ended:
            self.ending.discard(endpoint.id)
            try:
                await self.drivers[endpoint.network.driver].detach(endpoint, self.sandboxes.path(endpoint.sandbox_id))
            except PoguError as e:
                log.warning("%s", e)

    def _note(self, endpoint: Endpoint) -> None:
        self._endpoints.setdefault(endpoint.network.id, {})[endpoint.sandbox_id] = endpoint

    def _forget(self, endpoint: Endpoint) -> None:
        self.names.remove(endpoint)
        self.pools.release(endpoint)
        of_network = self._endpoints.get(endpoint.network.id, {})
        if of_network.get(endpoint.sandbox_id) is endpoint:
            del of_network[endpoint.sandbox_id]

    def _drop(self, endpoint: Endpoint) -> None:
        self._forget(endpoint)
        self.events.publish("network", "disconnect", endpoint.network.id, self._attributes(endpoint))

    def _attributes(self, endpoint: Endpoint) -> dict[str, str]:
        network = endpoint.network
        return {"container": endpoint.sandbox_id, "name": network.name, "type": network.driver}


async def _attempt(step: Coroutine[Any, Any, None], failures: list[PoguError]) -> None:
    """Take one step of a teardown; note its failure so that the next ones are taken all the same."""
    try:
        await step
    except PoguError as e:
        log.warning("%s", e)
        failures.append(e)


def _interface(sandbox: Sandbox, endpoint: Endpoint, prefix: str) -> str:
    """Return the name asked for inside (an endpoint option of Docker 28), else the next free one.

    Raises:
        InvalidArgument: it is no interface name, or taken.
    """
    asked = (endpoint.settings.driver_opts or {}).get(INTERFACE_NAME)
    if not asked:
        return sandbox.free_interface(prefix)
    if not is_interface_name(asked) or asked == "lo":
        raise InvalidArgument(f"invalid value for {INTERFACE_NAME}: {asked!r} is not an interface name")
    if asked in {e.interface for e in sandbox.endpoints.values()}:
        raise InvalidArgument(f"interface name {asked} is already in use in the container")
    return asked


def _mac(endpoint: Endpoint, before: str) -> str:
    """Return the MAC address asked for, else one derived from the address.

    Settings that come from the container's last run hold what was derived then, which is no wish.

    Raises:
        InvalidArgument: it is not six bytes.
    """
    asked = (endpoint.settings.mac_address or "").lower().replace("-", ":")
    if asked and not _MAC.fullmatch(asked):
        raise InvalidArgument(f"invalid MAC address: {endpoint.settings.mac_address}")
    if asked and not (before and asked == mac_for(ip_address(before))):
        return asked
    own = endpoint.ipv4 or endpoint.ipv6
    if own is None:
        raise PoguError(f"network {endpoint.network.name} has no addresses")
    return mac_for(own.ip)


def _names(name: str, sandbox_id: str, hostname: str, settings: EndpointSettings) -> list[str]:
    """Return the names that an endpoint answers to, as dockerd lists them in DNSNames."""
    return list(dict.fromkeys(n for n in (name, *(settings.aliases or []), sandbox_id[:12], hostname) if n))


def _revive(sandbox_id: str, network: Network, settings: EndpointSettings, name: str) -> Endpoint:
    endpoint = Endpoint(settings.endpoint_id or new_id(), sandbox_id, name, network, settings)
    endpoint.mac = settings.mac_address or ""
    endpoint.names = list(settings.dns_names or [])
    if settings.ip_address:
        found = ip_interface(f"{settings.ip_address}/{settings.ip_prefix_len}")
        endpoint.ipv4 = found if found.version == 4 else None
    if settings.global_ipv6_address:
        found = ip_interface(f"{settings.global_ipv6_address}/{settings.global_ipv6_prefix_len}")
        endpoint.ipv6 = found if found.version == 6 else None
    if network.driver == "bridge":
        options = bridge_settings(network)
        endpoint.gateway4 = options.gateway4 if endpoint.ipv4 else None
        endpoint.gateway6 = options.gateway6 if endpoint.ipv6 else None
    return endpoint
