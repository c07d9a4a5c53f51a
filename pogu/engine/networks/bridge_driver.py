"""Bridge networks: a Linux bridge on the host, a veth pair for each endpoint."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pogu.engine.model import Network
from pogu.engine.networks.bridge_settings import BridgeSettings, bridge_settings
from pogu.engine.networks.driver import NetworkDriver, Versions
from pogu.engine.networks.endpoint import Endpoint
from pogu.engine.networks.firewall import Firewall
from pogu.engine.networks.identity import Identity
from pogu.engine.networks.kernel import KernelThreads
from pogu.errors import Conflict, InvalidArgument, PoguError
from pogu.failpoints import step
from pogu.linux import namespaces
from pogu.linux.rtnetlink import Address, Interface, Link, RouteSocket, VethPeer

log = logging.getLogger(__name__)

_SYSCTL = Path("/proc/sys/net")


@contextmanager
def _doing(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise PoguError(f"{what}: {e.strerror or e}") from e


def write_sysctl(key: str, value: int) -> None:
    """Set a `net.…` sysctl (with slashes, without `net`) of the calling thread's network namespace.

    A key that the kernel does not have (no IPv6, say) is left alone.
    """
    try:
        path = _SYSCTL / key
        if path.read_text().split() != [str(value)]:
            path.write_text(f"{value}\n")
    except FileNotFoundError:
        pass


def _forward_ipv6() -> None:
    """Let the host forward IPv6 without losing its own routes.

    A host that forwards no longer listens to router advertisements, unless told so by the value 2
    (Documentation/networking/ip-sysctl.rst, accept_ra).
    """
    interfaces = _SYSCTL / "ipv6" / "conf"
    forwarding = interfaces / "all" / "forwarding"
    if not forwarding.exists() or forwarding.read_text().strip() == "1":
        return
    for setting in interfaces.glob("*/accept_ra"):
        if setting.read_text().strip() == "1":
            setting.write_text("2\n")
    write_sysctl("ipv6/conf/default/forwarding", 1)
    write_sysctl("ipv6/conf/all/forwarding", 1)


class BridgeDriver(NetworkDriver):
    """Bridges of this host, addressed from the network's pools and guarded by the engine's firewall table."""

    name = "bridge"
    addressed = True
    creatable = True

    def __init__(self, identity: Identity, threads: KernelThreads, firewall: Firewall) -> None:
        self._identity = identity
        self._threads = threads
        self._firewall = firewall

    def check(self, network: Network) -> None:
        settings = bridge_settings(network)
        if not network.enable_ipv4 and not network.enable_ipv6:
            raise InvalidArgument("IPv4 or IPv6 must be enabled")
        if settings.name == "lo":
            raise InvalidArgument("a bridge cannot be called lo")

    async def create(self, network: Network) -> None:
        await self._threads.call(self._create, network)

    async def remove(self, network: Network) -> None:
        await self._threads.call(self._remove, network)

    async def attach(self, endpoint: Endpoint, sandbox: Path, *, default: Versions) -> None:
        await self._threads.call(self._attach, endpoint, sandbox, default)

    async def detach(self, endpoint: Endpoint, sandbox: Path) -> None:
        await self._threads.call(self._delete_veth, endpoint.id)

    async def abandon(self, endpoint: Endpoint) -> None:
        await self._threads.call(self._disable, endpoint.id)

    async def adopt(self, endpoint: Endpoint, sandbox: Path, *, default: Versions) -> None:
        await self._threads.call(self._adopt, endpoint, sandbox, default)

    async def set_default(self, endpoint: Endpoint, sandbox: Path, default: Versions) -> None:
        await self._threads.call(self._set_default, endpoint, sandbox, default)

    async def allow_hairpin(self, endpoint: Endpoint) -> None:
        await self._threads.call(self._hairpin, endpoint)

    # Everything below blocks and runs in a thread.

    def _create(self, network: Network) -> None:
        settings = bridge_settings(network)
        with _doing(f"cannot set up the bridge {settings.name} of network {network.name}"), RouteSocket() as sock:
            link = sock.link(settings.name)
            if link is None:
                alias = self._identity.alias(network.id)
                draft = self._identity.draft(network.id)
                if sock.link(draft) is not None:  # an earlier daemon ended just then
                    _delete(sock, draft)
                sock.add_bridge(settings.name, mac=settings.mac, mtu=settings.mtu, alias=alias, draft=draft)
                link = sock.link(settings.name)
            if link is None or link.kind != "bridge":
                raise Conflict(f"{settings.name} exists and is not a bridge")
            if not link.up:
                sock.set_up(link.index)
            self._address(sock, link, settings)
            self._sysctls(settings)
        step("network.bridge.made")
        self._firewall.add_bridge(settings.rules())

    def _address(self, sock: RouteSocket, link: Link, settings: BridgeSettings) -> None:
        """Give the bridge its addresses, and take from one that we made those it had under other settings."""
        wanted: list[Interface] = [a for a in (settings.ipv4, settings.ipv6) if a is not None]
        if settings.ipv6 is not None:
            write_sysctl(f"ipv6/conf/{settings.name}/disable_ipv6", 0)
        present = sock.addresses(link.index)
        for address in present:
            ours = link.alias.startswith(self._identity.alias_prefix)
            if ours and address not in wanted and not address.is_link_local:
                sock.delete_address(link.index, address)
        for address in wanted:
            if address not in present:
                sock.add_address(link.index, address)

    def _sysctls(self, settings: BridgeSettings) -> None:
        # A local client's 127.0.0.1 leaves through the bridge to a published port; the raw chain drops what must not
        # come in by it.
        write_sysctl(f"ipv4/conf/{settings.name}/route_localnet", 1)
        if settings.ipv6 is not None:
            write_sysctl(f"ipv6/conf/{settings.name}/accept_ra", 0)
            _forward_ipv6()

    def _remove(self, network: Network) -> None:
        settings = bridge_settings(network)
        with _doing(f"cannot delete the bridge {settings.name} of network {network.name}"), RouteSocket() as sock:
            link = sock.link(settings.name)
            if link is not None and link.alias == self._identity.alias(network.id):  # one that was there before stays
                _delete(sock, settings.name)
        self._firewall.remove_bridge(settings.name)

    def _attach(self, endpoint: Endpoint, sandbox: Path, default: Versions) -> None:
        settings = bridge_settings(endpoint.network)
        with _doing(f"cannot connect {endpoint.name} to network {endpoint.network.name}"):
            try:
                self._add_pair(endpoint, sandbox, settings)
                step("network.attach.pair")
                namespaces.inside(sandbox, lambda: _configure(endpoint, default))
            except BaseException:
                self._delete_veth(endpoint.id)
                raise

    def _add_pair(self, endpoint: Endpoint, sandbox: Path, settings: BridgeSettings) -> None:
        name = self._identity.veth(endpoint.id)
        with RouteSocket() as sock:
            bridge = sock.link(settings.name)
            if bridge is None:
                log.warning(
                    "the bridge %s of network %s is gone, it is made again", settings.name, endpoint.network.name
                )
                self._create(endpoint.network)
                bridge = sock.link(settings.name)
            if bridge is None:
                raise PoguError(f"the bridge {settings.name} of network {endpoint.network.name} is gone")
            namespace_fd = os.open(sandbox, os.O_RDONLY | os.O_CLOEXEC)
            try:
                peer = VethPeer(endpoint.interface, namespace_fd, endpoint.mac)
                sock.add_veth(name, master_index=bridge.index, mtu=settings.mtu, peer=peer)
            finally:
                os.close(namespace_fd)
            if not settings.icc:
                host_end = sock.link(name)
                if host_end is not None:
                    sock.set_isolated(host_end.index, True)

    def _set_default(self, endpoint: Endpoint, sandbox: Path, default: Versions) -> None:
        with _doing(f"cannot route {endpoint.name} to network {endpoint.network.name}"):
            namespaces.inside(sandbox, lambda: _route(endpoint, default))

    def _hairpin(self, endpoint: Endpoint) -> None:
        # With br_netfilter (net.bridge.bridge-nf-call-iptables=1) the kernel bridges a translated frame instead of
        # routing it, and a bridge never sends a frame back where it came from unless told to.
        with _doing(f"cannot publish ports of {endpoint.name}"), RouteSocket() as sock:
            link = sock.link(self._identity.veth(endpoint.id))
            if link is not None:
                sock.set_hairpin(link.index, True)

    def _delete_veth(self, endpoint_id: str) -> None:
        with _doing("cannot delete an interface"), RouteSocket() as sock:
            _delete(sock, self._identity.veth(endpoint_id))

    def _disable(self, endpoint_id: str) -> None:
        with _doing("cannot disable an interface"), RouteSocket() as sock:
            link = sock.link(self._identity.veth(endpoint_id))
            if link is None or not link.master_index:
                return
            try:
                sock.disable_port(link.index)
            except OSError as e:
                if e.errno not in (errno.ENODEV, errno.ENETDOWN, errno.EINVAL):  # it is going or gone already
                    raise

    def _adopt(self, endpoint: Endpoint, sandbox: Path, default: Versions) -> None:
        settings = bridge_settings(endpoint.network)
        name = self._identity.veth(endpoint.id)
        with _doing(f"cannot reconnect {endpoint.name} to network {endpoint.network.name}"), RouteSocket() as sock:
            host_end, bridge = sock.link(name), sock.link(settings.name)
            if host_end is not None and bridge is not None:
                if host_end.master_index != bridge.index:
                    log.warning("%s had left the bridge %s, it is put back", name, settings.name)
                    sock.set_master(host_end.index, bridge.index)
                    sock.set_isolated(host_end.index, not settings.icc)
                endpoint.interface = namespaces.inside(sandbox, lambda: _name_of(host_end.peer_index))
                return
        log.warning("%s has lost its interface on %s, it gets a new one", endpoint.name, endpoint.network.name)
        endpoint.interface = namespaces.inside(sandbox, lambda: _free_name(settings.interface_prefix))
        self._attach(endpoint, sandbox, default)


def _delete(sock: RouteSocket, name: str) -> None:
    try:
        sock.delete_link(name)
    except OSError as e:
        if e.errno != errno.ENODEV:
            raise


# These run inside a sandbox.


def _configure(endpoint: Endpoint, default: Versions) -> None:
    with RouteSocket() as sock:
        link = sock.link(endpoint.interface)
        if link is None:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        if endpoint.ipv6 is not None:
            write_sysctl(f"ipv6/conf/{endpoint.interface}/disable_ipv6", 0)
        addresses = [address for address in (endpoint.ipv4, endpoint.ipv6) if address is not None]
        sock.configure(link.index, addresses, _gateways(endpoint, default))


def _route(endpoint: Endpoint, default: Versions) -> None:
    with RouteSocket() as sock:
        link = sock.link(endpoint.interface)
        if link is None:
            return
        for gateway in _gateways(endpoint, default):
            sock.set_default_route(gateway, link.index)


def _gateways(endpoint: Endpoint, default: Versions) -> list[Address]:
    """Return where the default routes of these IP versions lead by an endpoint."""
    return [g for g in (endpoint.gateway4, endpoint.gateway6) if g is not None and g.version in default]


def _name_of(index: int) -> str:
    with RouteSocket() as sock:
        return next((link.name for link in sock.links() if link.index == index), "")


def _free_name(prefix: str) -> str:
    with RouteSocket() as sock:
        taken = {link.name for link in sock.links()}
    return next(name for n in range(len(taken) + 1) if (name := f"{prefix}{n}") not in taken)
