"""Sandboxes, their addresses and routes, joining, leaving and ending."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from pathlib import Path

import pytest

from pogu.engine.model import IPAM, EndpointIPAM, EndpointSettings, IPAMConfig
from pogu.engine.networks.dns.server import ResolverServer
from pogu.errors import Forbidden, InvalidArgument, NotFound, PoguError, Unavailable
from pogu.linux import namespaces
from pogu.linux.rtnetlink import RouteSocket
from tests.engine.networks.conftest import Engine
from tests.engine.networks.traffic import SHORT, ask, tcp_server

ONE, TWO = "1" * 64, "2" * 64


def interfaces(path: Path) -> dict[str, list[str]]:
    """Return the addresses of each interface of a sandbox but the loopback's."""

    def look() -> dict[str, list[str]]:
        with RouteSocket() as sock:
            return {
                link.name: [str(a) for a in sock.addresses(link.index) if not a.is_link_local]
                for link in sock.links()
                if link.name != "lo"
            }

    return namespaces.inside(path, look)


def default_route(path: Path, destination: str = "0.0.0.0/0") -> str | None:
    def look() -> str | None:
        with RouteSocket() as sock:
            found = [r for r in sock.routes() if r.destination == ip_network(destination)]
            return str(found[0].gateway) if found else None

    return namespaces.inside(path, look)


async def veths() -> list[str]:
    with RouteSocket() as sock:
        return [link.name for link in sock.links() if link.kind == "veth"]


async def until_no_veths() -> None:
    async with asyncio.timeout(10):
        while await veths():
            await asyncio.sleep(0.01)


async def test_a_new_sandbox_has_a_loopback_interface_that_works(engine: Engine) -> None:
    path = await engine.networks.open_sandbox(ONE)
    assert path == engine.config.run / "netns" / ONE
    assert await engine.networks.open_sandbox(ONE) == path
    with tcp_server(path, 80, "me"):
        assert await ask("127.0.0.1", 80, path) == "me"
    assert interfaces(path) == {}
    read = namespaces.inside(path, Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text)
    assert read.strip() == "0"


async def test_joining_gives_address_route_and_mac(engine: Engine) -> None:
    path = await engine.networks.open_sandbox(ONE)
    bridge = engine.networks.get("bridge")
    got = await engine.networks.join(ONE, bridge, EndpointSettings(), container_name="c")
    assert (got.ip_address, got.ip_prefix_len, got.gateway) == ("172.17.0.2", 16, "172.17.0.1")
    assert got.mac_address == "02:42:ac:11:00:02"
    assert got.network_id == bridge.id
    assert interfaces(path) == {"eth0": ["172.17.0.2/16"]}
    assert default_route(path) == "172.17.0.1"
    with pytest.raises(Forbidden, match=r"^endpoint with name c already exists in network bridge$"):
        await engine.networks.join(ONE, bridge, EndpointSettings(), container_name="c")
    with pytest.raises(NotFound):
        await engine.networks.join(TWO, bridge, EndpointSettings())


async def test_a_second_network_gets_the_next_interface_and_the_route_follows_priority(engine: Engine) -> None:
    path = await engine.networks.open_sandbox(ONE)
    networks = engine.networks
    a, z = await networks.create("a"), await networks.create("z")
    bridge = networks.get("bridge")
    await networks.join(ONE, bridge, EndpointSettings())
    await networks.join(ONE, z, EndpointSettings(gw_priority=1))
    assert default_route(path) == "172.19.0.1"
    await networks.join(ONE, a, EndpointSettings())
    assert interfaces(path) == {"eth0": ["172.17.0.2/16"], "eth1": ["172.19.0.2/16"], "eth2": ["172.18.0.2/16"]}
    assert default_route(path) == "172.19.0.1"
    await networks.leave(ONE, z.id)
    await networks.leave(ONE, z.id)
    assert default_route(path) == "172.18.0.1"
    await networks.join(ONE, z, EndpointSettings())
    assert interfaces(path)["eth1"] == ["172.19.0.2/16"]
    assert default_route(path) == "172.18.0.1"


async def test_addresses_macs_and_names_that_are_asked_for(engine: Engine) -> None:
    networks = engine.networks
    made = await networks.create(
        "n", ipam=IPAM(config=[IPAMConfig(subnet="10.9.0.0/24", ip_range="10.9.0.128/25", gateway="10.9.0.129")])
    )
    await networks.open_sandbox(ONE)
    await networks.open_sandbox(TWO)
    wanted = EndpointSettings(
        ipam_config=EndpointIPAM(ipv4_address="10.9.0.7"), mac_address="02-42-AA-BB-CC-DD", aliases=["db", "c"]
    )
    got = await networks.join(ONE, made, wanted, container_name="c", hostname="h")
    assert (got.ip_address, got.mac_address) == ("10.9.0.7", "02:42:aa:bb:cc:dd")
    assert got.dns_names == ["c", "db", ONE[:12], "h"]
    assert wanted.ip_address == ""  # what was asked is left as it was
    with pytest.raises(Forbidden, match=r"^Address already in use$"):
        await networks.join(TWO, made, wanted)
    outside = EndpointSettings(ipam_config=EndpointIPAM(ipv4_address="10.10.0.7"))
    with pytest.raises(InvalidArgument, match=r"no configured subnet or ip-range contain the IP address 10\.10\.0\.7"):
        await networks.join(TWO, made, outside)
    with pytest.raises(InvalidArgument, match=r"invalid IPv4 address: x$"):
        await networks.join(TWO, made, EndpointSettings(ipam_config=EndpointIPAM(ipv4_address="x")))
    assert (await networks.join(TWO, made, EndpointSettings())).ip_address == "10.9.0.128"


async def test_interface_names_that_are_asked_for(engine: Engine) -> None:
    made = await engine.networks.create("n", options={"com.docker.network.container_iface_prefix": "net"})
    path = await engine.networks.open_sandbox(ONE)
    option = "com.docker.network.endpoint.ifname"
    bridge = engine.networks.get("bridge")
    await engine.networks.join(ONE, bridge, EndpointSettings(driver_opts={option: "front0"}))
    for wrong in ("front0", "lo", "a/b", "x" * 16):
        with pytest.raises(InvalidArgument, match="interface name"):
            await engine.networks.join(ONE, made, EndpointSettings(driver_opts={option: wrong}))
    await engine.networks.join(ONE, made, EndpointSettings())
    assert list(interfaces(path)) == ["front0", "net0"]


async def test_what_the_default_bridge_does_not_do(engine: Engine) -> None:
    await engine.networks.open_sandbox(ONE)
    bridge = engine.networks.get("bridge")
    with pytest.raises(InvalidArgument, match="user-specified IP address is supported on user-defined networks only"):
        await engine.networks.join(ONE, bridge, EndpointSettings(ipam_config=EndpointIPAM(ipv4_address="172.17.0.9")))
    with pytest.raises(InvalidArgument, match="aliases are only supported for user-defined networks"):
        await engine.networks.join(ONE, bridge, EndpointSettings(aliases=["x"]))
    assert engine.networks.endpoints(bridge.id) == {}


async def test_a_derived_mac_of_an_earlier_run_is_no_wish(engine: Engine) -> None:
    bridge = engine.networks.get("bridge")
    await engine.networks.open_sandbox(ONE)
    await engine.networks.open_sandbox(TWO)
    first = await engine.networks.join(ONE, bridge, EndpointSettings())
    second = await engine.networks.join(TWO, bridge, first)
    assert second.mac_address == "02:42:ac:11:00:03"


async def test_each_family_has_its_own_way_out(engine: Engine) -> None:
    networks = engine.networks
    path = await networks.open_sandbox(ONE)
    four = await networks.create("four")
    six = await networks.create(
        "six", enable_ipv4=False, enable_ipv6=True, ipam=IPAM(config=[IPAMConfig(subnet="fd00:6::/64")])
    )
    both = await networks.create("both", enable_ipv6=True)
    await networks.join(ONE, both, EndpointSettings(gw_priority=-1))
    await networks.join(ONE, four, EndpointSettings())
    await networks.join(ONE, six, EndpointSettings())
    assert default_route(path) == "172.18.0.1"
    assert default_route(path, "::/0") == "fd00:6::1"
    await networks.leave(ONE, six.id)
    assert default_route(path) == "172.18.0.1"
    assert default_route(path, "::/0") == (both.ipam.config or [])[1].gateway


async def test_wrong_macs(engine: Engine) -> None:
    await engine.networks.open_sandbox(ONE)
    for wrong in ("x", "02:42:aa:bb:cc", "02:42:aa:bb:cc:dd:ee", "02:42:aa:bb:cc:zz"):
        with pytest.raises(InvalidArgument, match="invalid MAC address"):
            await engine.networks.join(ONE, engine.networks.get("bridge"), EndpointSettings(mac_address=wrong))
    assert engine.networks.endpoints(engine.networks.get("bridge").id) == {}


async def test_a_bridge_that_somebody_deleted_is_made_again(engine: Engine) -> None:
    with RouteSocket() as sock:
        sock.delete_link("pg0")
    path = await engine.networks.open_sandbox(ONE)
    await engine.networks.join(ONE, engine.networks.get("bridge"), EndpointSettings())
    with tcp_server(path, 80, "served"):
        assert await ask("172.17.0.2", 80) == "served"


async def test_a_join_that_fails_half_way_leaves_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await engine.networks.create("n")
    path = await engine.networks.open_sandbox(ONE)
    await engine.networks.join(ONE, engine.networks.get("bridge"), EndpointSettings())

    def fail(_path: Path) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as broken:
        broken.setattr(ResolverServer, "open_sockets", fail)
        with pytest.raises(PoguError, match="Too many open files"):
            await engine.networks.join(ONE, made, EndpointSettings(gw_priority=9))
    assert interfaces(path) == {"eth0": ["172.17.0.2/16"]}
    assert default_route(path) == "172.17.0.1"
    assert (await engine.networks.join(ONE, made, EndpointSettings(gw_priority=9))).ip_address == "172.18.0.2"


async def test_a_full_network(engine: Engine) -> None:
    made = await engine.networks.create("n", ipam=IPAM(config=[IPAMConfig(subnet="10.9.0.0/30")]))
    await engine.networks.open_sandbox(ONE)
    await engine.networks.open_sandbox(TWO)
    await engine.networks.join(ONE, made, EndpointSettings())
    message = r"^no available IPv4 addresses on this network's address pools: n \([0-9a-f]{64}\)$"
    with pytest.raises(Unavailable, match=message):
        await engine.networks.join(TWO, made, EndpointSettings())
    await engine.networks.close_sandbox(ONE)
    assert (await engine.networks.join(TWO, made, EndpointSettings())).ip_address == "10.9.0.2"


async def test_host_and_none_need_no_sandbox(engine: Engine) -> None:
    for name in ("host", "none"):
        network = engine.networks.get(name)
        got = await engine.networks.join(ONE, network, EndpointSettings(), container_name="c")
        assert (got.network_id, got.ip_address, got.mac_address) == (network.id, "", "")
        assert len(got.endpoint_id or "") == 64
        assert list(engine.networks.endpoints(network.id)) == [ONE]
        await engine.networks.close_sandbox(ONE)
        assert engine.networks.endpoints(network.id) == {}


async def test_ending_a_sandbox_leaves_nothing(engine: Engine) -> None:
    bridge = engine.networks.get("bridge")
    path = await engine.networks.open_sandbox(ONE)
    await engine.networks.join(ONE, bridge, EndpointSettings())
    await engine.networks.close_sandbox(ONE)
    assert not path.exists()
    await engine.networks.close_sandbox(ONE)
    await engine.networks.close_sandbox("never-opened")
    assert engine.networks.endpoints(bridge.id) == {}
    await until_no_veths()


async def test_a_namespace_that_a_process_keeps_is_cut_off_at_once_and_its_interface_deleted(engine: Engine) -> None:
    bridge = engine.networks.get("bridge")
    paths = [await engine.networks.open_sandbox(i) for i in (ONE, TWO)]
    for sandbox in (ONE, TWO):
        await engine.networks.join(sandbox, bridge, EndpointSettings())
    keeper = namespaces.inside(paths[0], RouteSocket)  # an open socket keeps the namespace as a process would
    try:
        with tcp_server(paths[0], 80, "old"):
            assert await ask("172.17.0.2", 80, paths[1]) == "old"
            await engine.networks.close_sandbox(ONE)
            with pytest.raises(OSError, match=r"timed out|No route"):
                await ask("172.17.0.2", 80, paths[1], seconds=SHORT)
        await engine.networks.stop()  # waits for what is under way
        assert len(await veths()) == 1
    finally:
        keeper.close()


async def test_many_at_once(engine: Engine) -> None:
    bridge = engine.networks.get("bridge")
    ids = [f"{i:064x}" for i in range(40)]

    async def run(sandbox: str) -> str:
        await engine.networks.open_sandbox(sandbox)
        got = await engine.networks.join(sandbox, bridge, EndpointSettings())
        await engine.networks.publish(sandbox, {"80/tcp": []})
        return got.ip_address or ""

    found = await asyncio.gather(*(run(i) for i in ids))
    assert len(set(found)) == 40
    await asyncio.gather(*(engine.networks.close_sandbox(i) for i in ids))
    await until_no_veths()
    assert list((engine.config.run / "netns").iterdir()) == []


async def test_counters(engine: Engine) -> None:
    path = await engine.networks.open_sandbox(ONE)
    await engine.networks.join(ONE, engine.networks.get("bridge"), EndpointSettings())
    with tcp_server(path, 80, "x"):
        await ask("172.17.0.2", 80)
    found = await engine.networks.stats(ONE)
    assert list(found) == ["eth0"]
    assert found["eth0"].rx_packets > 3
    assert found["eth0"].tx_bytes > 100
    assert list(await engine.networks.stats(path)) == ["eth0"]
    with pytest.raises(NotFound):
        await engine.networks.stats(TWO)
