"""After the daemon was killed: what ran goes on, what belongs to nobody goes."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest

from pogu.engine.model import EndpointSettings, PortBinding
from pogu.engine.networks.identity import Identity, bridge_name
from pogu.errors import Conflict, NotFound
from pogu.linux.rtnetlink import RouteSocket, VethPeer
from tests.engine.networks.conftest import Engine, StartEngine
from tests.engine.networks.test_connections import default_route, interfaces, veths
from tests.engine.networks.test_publishing import binding, box
from tests.engine.networks.traffic import ask, tcp_server

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64
PORTS = {"80/tcp": binding("8080", "0.0.0.0"), "90/tcp": None}


def settings(engine: Engine, sandbox: str, *networks: str) -> dict[str, EndpointSettings]:
    return {n: engine.networks.endpoints(engine.networks.get(n).id)[sandbox] for n in networks}


async def test_networks_keep_their_ids_and_subnets(start_engine: StartEngine) -> None:
    one = await start_engine()
    made = await one.networks.create("a", labels={"x": "y"})
    before = [n.encode() for n in one.networks.list()]
    await one.crash()
    again = await start_engine()
    assert [n.encode() for n in again.networks.list()] == before
    with RouteSocket() as sock:
        assert sock.link(bridge_name(made)) is not None


async def test_a_lost_bridge_is_made_again(start_engine: StartEngine) -> None:
    one = await start_engine()
    made = await one.networks.create("a")
    await one.crash()
    with RouteSocket() as sock:
        sock.delete_link(bridge_name(made))
        sock.delete_link("pg0")
    again = await start_engine()
    await again.networks.reconcile({})
    await box(again, ONE, "a")
    await box(again, TWO)


async def test_connections_and_ports_live_through_a_crash(start_engine: StartEngine) -> None:
    one = await start_engine()
    await one.networks.reconcile({})
    path = await box(one, ONE)
    await one.networks.publish(ONE, PORTS, ["90/tcp"])
    other = await one.networks.create("a")
    await one.networks.join(ONE, other, EndpointSettings(), container_name="c")
    had = settings(one, ONE, "bridge", "a")
    await one.crash()
    with tcp_server(path, 80, "served"):
        assert await ask("127.0.0.1", 8080) == "served"  # without a daemon
        two = await start_engine()
        assert await ask("127.0.0.1", 8080) == "served"  # and while it starts
        await two.networks.reconcile({ONE: had}, {ONE: two_ports()}, {ONE: "c"})
        assert await ask("127.0.0.1", 8080) == "served"
    assert two.networks.shown_ports(ONE) == two_ports()
    await box(two, TWO)
    assert settings(two, TWO, "bridge")["bridge"].ip_address == "172.17.0.3"
    with pytest.raises(Conflict, match="already allocated"):
        await two.networks.publish(TWO, {"80/tcp": binding("8080")})
    assert interfaces(path) == {"eth0": ["172.17.0.2/16"], "eth1": ["172.18.0.2/16"]}
    await two.networks.leave(ONE, other.id)
    assert interfaces(path) == {"eth0": ["172.17.0.2/16"]}
    assert default_route(path) == "172.17.0.1"
    await two.networks.close_sandbox(ONE)
    assert not path.exists()


def two_ports() -> dict[str, list[PortBinding] | None]:
    return {"80/tcp": binding("8080", "0.0.0.0"), "90/tcp": None}


async def test_what_belongs_to_nobody_is_deleted(start_engine: StartEngine) -> None:
    one = await start_engine()
    await one.networks.reconcile({})
    path, kept = await box(one, ONE), await box(one, TWO)
    await one.networks.publish(ONE, {"80/tcp": binding("8080")})
    had = settings(one, TWO, "bridge")
    await one.crash()
    (one.config.run / "netns" / THREE).touch()  # as a crash between two system calls leaves it
    _orphan_bridge(one)
    two = await start_engine()
    await two.networks.reconcile({TWO: had})
    assert [p.name for p in (two.config.run / "netns").iterdir()] == [TWO]
    assert not path.exists()
    assert kept.exists()
    async with asyncio.timeout(10):
        while len(await veths()) > 1 or bridge_exists("br-orphan"):
            await asyncio.sleep(0.01)
    await two.networks.publish(TWO, {"80/tcp": binding("8080")})


def bridge_exists(name: str) -> bool:
    with RouteSocket() as sock:
        return sock.link(name) is not None


def _orphan_bridge(engine: Engine) -> None:
    with RouteSocket() as sock:
        alias = Identity.of(engine.config).alias("gone")
        sock.add_bridge("br-orphan", mac="02:42:00:00:00:01", mtu=1500, alias=alias)


async def test_a_bridge_whose_maker_died_before_it_had_its_name_is_deleted(start_engine: StartEngine) -> None:
    engine = await start_engine()
    draft = Identity.of(engine.config).draft("0123456789abcdef")
    with RouteSocket() as sock:
        sock.add_bridge(draft, mac="02:42:00:00:00:01", mtu=1500, alias="")
    await engine.networks.reconcile({})
    await engine.networks.stop(dismantle=False)  # waits for the deletions
    assert not bridge_exists(draft)


async def test_a_draft_of_the_same_network_is_no_obstacle(start_engine: StartEngine) -> None:
    engine = await start_engine()
    await engine.networks.reconcile({})
    network = await engine.networks.create("web")
    draft = Identity.of(engine.config).draft(network.id)
    with RouteSocket() as sock:
        sock.delete_link(bridge_name(network))
        sock.add_bridge(draft, mac="02:42:00:00:00:01", mtu=1500, alias="")
    await engine.networks.rebuild(network)
    assert bridge_exists(bridge_name(network))
    assert not bridge_exists(draft)


async def test_interfaces_of_others_are_left_alone(start_engine: StartEngine) -> None:
    engine = await start_engine()
    with RouteSocket() as sock:
        sock.add_bridge("br-theirs", mac="02:42:00:00:00:01", mtu=1500, alias="pogu:zzzz:other")
        master = sock.link("br-theirs")
        assert master is not None
        fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        sock.add_veth(
            "vpzzzz12345678", master_index=master.index, mtu=1500, peer=VethPeer("p0", fd, "02:42:00:00:00:02")
        )
        os.close(fd)
    await engine.networks.reconcile({})
    await engine.networks.stop(dismantle=False)  # waits for the deletions
    with RouteSocket() as sock:
        assert sock.link("br-theirs") is not None
        assert sock.link("vpzzzz12345678") is not None


async def test_a_running_sandbox_that_lost_its_interface_gets_a_new_one(start_engine: StartEngine) -> None:
    one = await start_engine()
    await one.networks.reconcile({})
    path = await box(one, ONE)
    had = settings(one, ONE, "bridge")
    await one.crash()
    with RouteSocket() as sock:
        for name in await veths():
            sock.delete_link(name)
    two = await start_engine()
    await two.networks.reconcile({ONE: had})
    assert interfaces(path) == {"eth0": ["172.17.0.2/16"]}
    assert default_route(path) == "172.17.0.1"
    with tcp_server(path, 80, "served"):
        assert await ask("172.17.0.2", 80) == "served"


async def test_a_port_that_was_taken_meanwhile_stays_translated(start_engine: StartEngine) -> None:
    one = await start_engine()
    await one.networks.reconcile({})
    path = await box(one, ONE)
    await one.networks.publish(ONE, PORTS)
    had = settings(one, ONE, "bridge")
    await one.crash()
    with socket.socket() as thief:
        thief.bind(("0.0.0.0", 8080))
        thief.listen()
        two = await start_engine()
        await two.networks.reconcile({ONE: had}, {ONE: two_ports()})
        with tcp_server(path, 80, "served"):
            assert await ask("127.0.0.1", 8080) == "served"
    await two.networks.close_sandbox(ONE)


async def test_a_sandbox_of_before_a_reboot_is_no_obstacle(start_engine: StartEngine) -> None:
    engine = await start_engine()
    bridge = engine.networks.get("bridge")
    lost = EndpointSettings(network_id=bridge.id, endpoint_id="e" * 64, ip_address="172.17.0.2", ip_prefix_len=16)
    await engine.networks.reconcile(
        {
            ONE: {
                "bridge": lost,
            },
            TWO: {"no-such-network": lost},
        },
        {ONE: two_ports()},
    )
    await engine.networks.close_sandbox(ONE)
    await box(engine, TWO)
    with pytest.raises(NotFound):
        await engine.networks.stats(ONE)


async def test_a_crash_at_any_step_of_creating_is_cleaned(start_engine: StartEngine) -> None:
    """The record comes first: a bridge without a record would be nobody's."""
    one = await start_engine()
    made = await one.networks.create("a")
    with RouteSocket() as sock:
        sock.delete_link(bridge_name(made))  # as if the daemon had died before the bridge stood
    await one.crash()
    two = await start_engine()
    await two.networks.reconcile({})
    await two.networks.remove("a")
    with RouteSocket() as sock:
        assert [link.name for link in sock.links() if link.kind == "bridge"] == ["pg0"]
