"""What every network driver promises (pogu/engine/networks/driver.py), held by each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_interface
from pathlib import Path

import pytest
import pytest_asyncio

from pogu.engine.config import EngineConfig
from pogu.engine.model import IPAM, EndpointSettings, IPAMConfig, Network
from pogu.engine.networks.bridge_driver import BridgeDriver
from pogu.engine.networks.driver import NetworkDriver
from pogu.engine.networks.endpoint import Endpoint
from pogu.engine.networks.firewall import Firewall
from pogu.engine.networks.identity import Identity
from pogu.engine.networks.kernel import KernelThreads
from pogu.engine.networks.plain_drivers import HostDriver, NullDriver
from pogu.linux import namespaces
from pogu.linux.rtnetlink import RouteSocket


@pytest_asyncio.fixture(params=["bridge", "host", "null"])
async def driver(request: pytest.FixtureRequest, own_network: None) -> AsyncIterator[NetworkDriver]:
    threads, firewall = KernelThreads(), Firewall("tdrivers")
    drivers: list[NetworkDriver] = [
        BridgeDriver(Identity.of(EngineConfig()), threads, firewall),
        HostDriver(),
        NullDriver(),
    ]
    yield next(d for d in drivers if d.name == request.param)
    await threads.close()
    firewall.close()


@pytest.fixture
def sandbox(tmp_path: Path) -> object:
    path = tmp_path / "sandbox"
    namespaces.create(path, lambda: None)
    yield path
    namespaces.remove(path)


@pytest.fixture
def network(driver: NetworkDriver) -> Network:
    pools = [IPAMConfig(subnet="10.1.0.0/16", gateway="10.1.0.1")] if driver.addressed else []
    return Network(name="n", id="ab" * 32, created="", driver=driver.name, ipam=IPAM(config=pools))


@pytest.fixture
def endpoint(network: Network, driver: NetworkDriver) -> Endpoint:
    made = Endpoint("cd" * 32, "ef" * 32, "c", network, EndpointSettings())
    if driver.addressed:
        made.interface, made.mac = "eth0", "02:42:0a:01:00:02"
        made.ipv4, made.gateway4 = ip_interface("10.1.0.2/16"), ip_address("10.1.0.1")  # type: ignore[assignment]
    return made


def state() -> list[object]:
    """Return all links and IPv4 routes of a namespace."""
    with RouteSocket() as sock:
        links = [(link.name, link.kind, link.master_index != 0) for link in sock.links()]
        routes = [(str(r.destination), str(r.gateway)) for r in sock.routes() if r.destination.version == 4]
        return [*links, *routes]


async def test_networks_come_and_go_and_saying_it_twice_changes_nothing(
    driver: NetworkDriver, network: Network
) -> None:
    driver.check(network)
    empty = state()
    await driver.create(network)
    made = state()
    await driver.create(network)
    assert state() == made
    await driver.remove(network)
    await driver.remove(network)
    assert state() == empty


async def test_an_endpoint_comes_and_goes(
    driver: NetworkDriver, network: Network, endpoint: Endpoint, sandbox: Path
) -> None:
    await driver.create(network)
    before = state()
    await driver.attach(endpoint, sandbox, default=[4])
    inside = namespaces.inside(sandbox, state)
    assert (("eth0", "veth", False) in inside) is driver.addressed
    assert (("0.0.0.0/0", "10.1.0.1") in inside) is driver.addressed
    await driver.allow_hairpin(endpoint)
    await driver.set_default(endpoint, sandbox, [4])
    assert namespaces.inside(sandbox, state) == inside
    await driver.detach(endpoint, sandbox)
    await driver.detach(endpoint, sandbox)
    assert state() == before


async def test_an_endpoint_is_recognised_and_repaired(
    driver: NetworkDriver, network: Network, endpoint: Endpoint, sandbox: Path
) -> None:
    await driver.create(network)
    await driver.attach(endpoint, sandbox, default=[4])
    had, inside, endpoint.interface = endpoint.interface, namespaces.inside(sandbox, state), ""
    await driver.adopt(endpoint, sandbox, default=[4])
    assert endpoint.interface == had
    await driver.detach(endpoint, sandbox)
    await driver.adopt(endpoint, sandbox, default=[4])
    assert (endpoint.interface, namespaces.inside(sandbox, state)) == (had, inside)


async def test_an_abandoned_endpoint_can_be_detached_or_not(
    driver: NetworkDriver, network: Network, endpoint: Endpoint, sandbox: Path
) -> None:
    await driver.create(network)
    before = state()
    await driver.abandon(endpoint)  # one that never was
    await driver.attach(endpoint, sandbox, default=[])
    await driver.abandon(endpoint)
    await driver.abandon(endpoint)
    await driver.detach(endpoint, sandbox)
    assert state() == before
