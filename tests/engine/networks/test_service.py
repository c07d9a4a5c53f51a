"""Networks as people make, see and remove them."""

from __future__ import annotations

import asyncio
import re
from ipaddress import ip_interface, ip_network

import pytest

from pogu.engine.model import IPAM, EndpointSettings, IPAMConfig
from pogu.engine.networks.identity import bridge_name
from pogu.errors import Conflict, Forbidden, InvalidArgument, NotFound
from pogu.linux.nftables import Nftables
from pogu.linux.rtnetlink import RouteSocket
from tests.engine.networks.conftest import Engine, StartEngine

BOX = "b" * 64


def addresses_of(name: str) -> list[object]:
    with RouteSocket() as sock:
        link = sock.link(name)
        return list(sock.addresses(link.index)) if link else []


def ipam(*pools: IPAMConfig) -> IPAM:
    return IPAM(config=list(pools))


async def test_the_three_networks_that_are_always_there(engine: Engine) -> None:
    assert [(n.name, n.driver) for n in engine.networks.list()] == [
        ("bridge", "bridge"),
        ("host", "host"),
        ("none", "null"),
    ]
    bridge = engine.networks.get("bridge")
    assert bridge.options["com.docker.network.bridge.name"] == "pg0"
    assert bridge.options["com.docker.network.bridge.default_bridge"] == "true"
    assert bridge.ipam.config == [IPAMConfig(subnet="172.17.0.0/16", gateway="172.17.0.1")]
    assert ip_interface("172.17.0.1/16") in addresses_of("pg0")
    for name in ("bridge", "host", "none"):
        with pytest.raises(Forbidden, match=f"^{name} is a pre-defined network and cannot be removed$"):
            await engine.networks.remove(name)
        with pytest.raises(Forbidden, match=f"^operation is not permitted on predefined {name} network$"):
            await engine.networks.create(name)


async def test_a_network_is_made_found_and_removed(engine: Engine) -> None:
    networks = engine.networks
    made = await networks.create("web", labels={"a": "b"}, options={"x": "y"})
    assert re.fullmatch(r"[0-9a-f]{64}", made.id)
    assert networks.get("web") is networks.get(made.id) is networks.get(made.id[:8]) is made
    assert made.ipam.config == [IPAMConfig(subnet="172.18.0.0/16", gateway="172.18.0.1")]
    assert bridge_name(made) == f"br-{made.id[:12]}"
    assert ip_interface("172.18.0.1/16") in addresses_of(bridge_name(made))
    with pytest.raises(Conflict, match=r"^network with name web already exists$"):
        await networks.create("web")
    await networks.remove("web")
    with pytest.raises(NotFound, match=r"^network web not found$"):
        networks.get("web")
    with pytest.raises(NotFound, match=r"^network web not found$"):
        await networks.remove("web")
    with RouteSocket() as sock:
        assert sock.link(bridge_name(made)) is None
    assert (await networks.create("next")).ipam.config == made.ipam.config


async def test_requests_that_are_refused(engine: Engine) -> None:
    create = engine.networks.create
    with pytest.raises(InvalidArgument, match="name is empty"):
        await create(" ")
    with pytest.raises(NotFound, match='plugin "zzz" not found'):
        await create("a", "zzz")
    with pytest.raises(Forbidden, match='only one instance of "host" network is allowed'):
        await create("a", "host")
    with pytest.raises(InvalidArgument, match="enable_icc"):
        await create("a", options={"com.docker.network.bridge.enable_icc": "perhaps"})
    with pytest.raises(InvalidArgument, match="mtu"):
        await create("a", options={"com.docker.network.driver.mtu": "many"})
    with pytest.raises(InvalidArgument, match="IPv4 or IPv6 must be enabled"):
        await create("a", enable_ipv4=False)
    with pytest.raises(InvalidArgument, match="not an interface name"):
        await create("a", options={"com.docker.network.bridge.name": "../../etc"})
    with pytest.raises(InvalidArgument, match=r"invalid network config:\ninvalid subnet 10.1.0.1/24: it should be"):
        await create("a", ipam=ipam(IPAMConfig(subnet="10.1.0.1/24")))
    with pytest.raises(Forbidden, match="multiple subnets"):
        await create("a", ipam=ipam(IPAMConfig(subnet="10.1.0.0/24"), IPAMConfig(subnet="10.2.0.0/24")))
    assert [n.name for n in engine.networks.list()] == ["bridge", "host", "none"]


async def test_pools_that_overlap_are_refused(engine: Engine) -> None:
    await engine.networks.create("a", ipam=ipam(IPAMConfig(subnet="10.1.0.0/16")))
    with pytest.raises(Forbidden, match=r"^invalid pool request: Pool overlaps with other one on this address space$"):
        await engine.networks.create("other", ipam=ipam(IPAMConfig(subnet="10.1.2.0/24")))
    with pytest.raises(NotFound):
        engine.networks.get("other")


async def test_default_pools_run_out_and_come_back(start_engine: StartEngine) -> None:
    engine = await start_engine(default_address_pools=[("10.8.0.0/15", 16)])
    await engine.networks.reconcile({})
    await engine.networks.create("a")
    with pytest.raises(InvalidArgument, match="could not find an available, non-overlapping IPv4 address pool among"):
        await engine.networks.create("b")
    await engine.networks.remove("a")
    await engine.networks.create("b")


async def test_subnets_of_the_hosts_routes_are_avoided(start_engine: StartEngine) -> None:
    with RouteSocket() as sock:
        sock.add_bridge("other0", mac="02:42:00:00:00:01", mtu=1500, alias="")
        other = sock.link("other0")
        assert other is not None
        sock.add_address(other.index, ip_interface("172.17.200.1/24"))
        sock.add_address(other.index, ip_interface("172.18.0.1/32"))
    engine = await start_engine()
    pool = (engine.networks.get("bridge").ipam.config or [])[0]
    assert pool.subnet == "172.19.0.0/16"


async def test_two_engines_share_a_host(start_engine: StartEngine) -> None:
    one, two = await asyncio.gather(start_engine("one"), start_engine("two"))
    await asyncio.gather(one.networks.reconcile({}), two.networks.reconcile({}))
    subnets = [ip_network((e.networks.get("bridge").ipam.config or [])[0].subnet or "") for e in (one, two)]
    assert not subnets[0].overlaps(subnets[1])  # type: ignore[arg-type]
    made = await asyncio.gather(*(e.networks.create(f"n{i}") for i in range(3) for e in (one, two)))
    assert len({(n.ipam.config or [])[0].subnet for n in made} | {str(s) for s in subnets}) == 8
    await one.networks.open_sandbox(BOX)
    await one.networks.join(BOX, one.networks.get("bridge"), EndpointSettings())
    await two.networks.reconcile({})  # nothing of the other engine is an orphan
    assert (one.config.run / "netns" / BOX).exists()
    with RouteSocket() as sock:
        names = [link.name for link in sock.links()]
    assert sum(n.startswith("vp") for n in names) == 1
    assert sum(n.startswith("br-") for n in names) == 6


async def test_settings_of_the_default_bridge(start_engine: StartEngine) -> None:
    engine = await start_engine(
        bip="10.4.0.9/24", fixed_cidr="10.4.0.64/26", default_gateway="10.4.0.254", mtu=1400, icc=False
    )
    await engine.networks.reconcile({})
    bridge = engine.networks.get("bridge")
    assert bridge.ipam.config == [
        IPAMConfig(
            subnet="10.4.0.0/24",
            ip_range="10.4.0.64/26",
            gateway="10.4.0.9",
            aux_addresses={"DefaultGatewayIPv4": "10.4.0.254"},
        )
    ]
    assert bridge.options["com.docker.network.bridge.enable_icc"] == "false"
    await engine.networks.open_sandbox(BOX)
    got = await engine.networks.join(BOX, bridge, EndpointSettings())
    assert (got.ip_address, got.ip_prefix_len, got.gateway) == ("10.4.0.64", 24, "10.4.0.254")
    with RouteSocket() as sock:
        link = sock.link("pg0")
        assert link is not None
        assert link.mtu == 1400


@pytest.mark.parametrize("settings", [{"bip": "10.4.0.0"}, {"bip": "nonsense"}, {"fixed_cidr": "10.4.0.0/99"}])
async def test_wrong_settings_of_the_default_bridge(start_engine: StartEngine, settings: dict[str, str]) -> None:
    with pytest.raises(InvalidArgument, match="invalid"):
        await start_engine(**settings)


async def test_a_bridge_that_the_administrator_made_is_used_and_kept(engine: Engine) -> None:
    with RouteSocket() as sock:
        sock.add_bridge("theirs", mac="02:42:00:00:00:01", mtu=1500, alias="")
    made = await engine.networks.create("a", options={"com.docker.network.bridge.name": "theirs"})
    subnet = (made.ipam.config or [])[0].subnet
    assert str(ip_network(subnet or "")[1]) in [str(a.ip) for a in addresses_of("theirs")]  # type: ignore[attr-defined]
    with pytest.raises(Forbidden, match="networks have same bridge name"):
        await engine.networks.create("b", options={"com.docker.network.bridge.name": "theirs"})
    await engine.networks.remove("a")
    with RouteSocket() as sock:
        assert sock.link("theirs") is not None


async def test_what_is_not_a_bridge_is_not_used_and_nothing_stays(engine: Engine) -> None:
    with pytest.raises(InvalidArgument, match="lo"):
        await engine.networks.create("a", options={"com.docker.network.bridge.name": "lo"})
    with RouteSocket() as sock:
        sock.add_bridge("x1", mac="02:42:00:00:00:01", mtu=1500, alias="")
        sock.delete_link("x1")
    assert [n.name for n in engine.networks.list()] == ["bridge", "host", "none"]


async def test_events_of_networks(engine: Engine) -> None:
    made = await engine.networks.create("a")
    await engine.networks.open_sandbox(BOX)
    await engine.networks.join(BOX, made, EndpointSettings(), container_name="c")
    await engine.networks.leave(BOX, made.id)
    await engine.networks.remove("a")
    await engine.networks.prune({})
    told = [(e.type, e.action, e.actor_id, dict(e.attributes)) for e in engine.events._backlog]
    kind = {"name": "a", "type": "bridge"}
    assert told == [
        ("network", "create", made.id, kind),
        ("network", "connect", made.id, {"container": BOX, **kind}),
        ("network", "disconnect", made.id, {"container": BOX, **kind}),
        ("network", "destroy", made.id, kind),
        ("network", "prune", "", {"reclaimed": "0"}),
    ]


async def test_prune_removes_what_nobody_uses(engine: Engine) -> None:
    networks = engine.networks
    for name in ("used", "kept", "labelled", "plain"):
        await networks.create(name, labels={"keep": "1"} if name == "labelled" else {})
    await networks.open_sandbox(BOX)
    await networks.join(BOX, networks.get("used"), EndpointSettings())
    kept = networks.get("kept").id
    networks.in_use = lambda network_id: {"c": "name"} if network_id == kept else {}
    assert await networks.prune({"until": ["1h"]}) == []
    assert await networks.prune({"label!": ["keep"]}) == ["plain"]
    assert await networks.prune({"label": ["keep=1"]}) == ["labelled"]
    assert await networks.prune({}) == []
    with pytest.raises(InvalidArgument, match="never"):
        await networks.prune({"until": ["never"]})


async def test_a_network_in_use_is_not_removed(engine: Engine) -> None:
    made = await engine.networks.create("a")
    await engine.networks.open_sandbox(BOX)
    await engine.networks.join(BOX, made, EndpointSettings())
    message = f"^error while removing network: network a id {made.id} has active endpoints$"
    with pytest.raises(Forbidden, match=message):
        await engine.networks.remove("a")
    assert list(engine.networks.endpoints(made.id)) == [BOX]
    await engine.networks.close_sandbox(BOX)
    await engine.networks.remove("a")
    with pytest.raises(NotFound):
        await engine.networks.join(BOX, made, EndpointSettings())


async def test_an_abandoned_request_makes_the_network_whole_or_not_at_all(engine: Engine) -> None:
    task = asyncio.create_task(engine.networks.create("a"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await engine.networks._threads.close()
    made = engine.networks.get("a")
    assert addresses_of(bridge_name(made))


async def test_ipv6_networks(engine: Engine) -> None:
    chosen = await engine.networks.create("six", enable_ipv6=True)
    pools = chosen.ipam.config or []
    assert [ip_network(p.subnet or "").version for p in pools] == [4, 6]
    assert (pools[1].subnet or "").startswith("fd")
    given = await engine.networks.create(
        "mine", enable_ipv4=False, enable_ipv6=True, ipam=ipam(IPAMConfig(subnet="fd00:7::/64"))
    )
    assert [p.gateway for p in given.ipam.config or []] == ["fd00:7::1"]
    await engine.networks.open_sandbox(BOX)
    got = await engine.networks.join(BOX, given, EndpointSettings())
    assert (got.ip_address, got.global_ipv6_address, got.ipv6_gateway) == ("", "fd00:7::2", "fd00:7::1")
    assert got.global_ipv6_prefix_len == 64


async def test_a_daemon_that_stops_with_nothing_running_leaves_no_trace(start_engine: StartEngine) -> None:
    one = await start_engine()
    await one.networks.reconcile({})
    made = await one.networks.create("mine")
    await one.networks.stop()
    one.state.close()
    with RouteSocket() as sock:
        assert [link.name for link in sock.links() if link.kind in ("bridge", "veth")] == []
    nft = Nftables()
    assert [o for o in nft.query("list tables") if "table" in o] == []
    nft.close()
    two = await start_engine()
    assert two.networks.get("mine").ipam == made.ipam
    assert addresses_of(bridge_name(made))


async def test_a_daemon_that_stops_under_running_containers_leaves_everything(start_engine: StartEngine) -> None:
    one = await start_engine()
    await one.networks.reconcile({})
    await one.networks.open_sandbox(BOX)
    await one.networks.join(BOX, one.networks.get("bridge"), EndpointSettings())
    await one.networks.stop()
    two = await start_engine()
    await two.networks.stop()  # it never learned what runs
    with RouteSocket() as sock:
        assert sorted(link.kind for link in sock.links() if link.kind) == ["bridge", "veth"]
