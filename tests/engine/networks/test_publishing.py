"""Published ports: who reaches them, who is kept out, and whose they are."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from pogu.engine.model import EndpointSettings, PortBinding
from pogu.errors import Conflict, InvalidArgument
from pogu.linux.nftables import Nftables
from tests.engine.networks.conftest import Engine, StartEngine
from tests.engine.networks.traffic import SHORT, ask, tcp_server, udp_server

ONE, TWO, THREE = "1" * 64, "2" * 64, "3" * 64


def binding(port: str = "", address: str = "") -> list[PortBinding]:
    return [PortBinding(host_ip=address, host_port=port)]


async def box(engine: Engine, sandbox: str, network: str = "bridge") -> Path:
    path = await engine.networks.open_sandbox(sandbox)
    await engine.networks.join(sandbox, engine.networks.get(network), EndpointSettings(), container_name=sandbox[:4])
    return path


def first(shown: dict[str, list[PortBinding] | None], port: str = "80/tcp") -> int:
    return int((shown[port] or [PortBinding()])[0].host_port or 0)


async def test_a_published_port_is_reached_from_everywhere(engine: Engine) -> None:
    server, other = await box(engine, ONE), await box(engine, TWO)
    await engine.networks.create("elsewhere")
    stranger = await box(engine, THREE, "elsewhere")
    shown = await engine.networks.publish(ONE, {"80/tcp": binding("8080")}, ["80/tcp", "90/tcp"])
    assert shown["90/tcp"] is None
    assert shown["80/tcp"] == [
        PortBinding(host_ip="0.0.0.0", host_port="8080"),
        PortBinding(host_ip="::", host_port="8080"),
    ]
    assert engine.networks.shown_ports(ONE) == shown
    with tcp_server(server, 80, "served") as clients:
        for address in ("127.0.0.1", "127.0.0.5", "172.17.0.1", "::1"):
            assert await ask(address, 8080) == "served", address
        assert await ask("172.17.0.1", 8080, other) == "served"  # a neighbour, by the host's address
        assert await ask("172.17.0.1", 8080, server) == "served"  # itself
        assert await ask("172.18.0.1", 8080, stranger) == "served"  # from another network
        assert await ask("172.17.0.2", 80, other) == "served"  # a neighbour, directly
        assert clients[-2:] == ["172.18.0.2", "172.17.0.3"]  # whose own addresses the server sees


async def test_what_is_not_published_is_not_reached_from_other_networks(engine: Engine) -> None:
    server = await box(engine, ONE)
    await engine.networks.create("elsewhere")
    stranger = await box(engine, TWO, "elsewhere")
    with tcp_server(server, 80, "served"):
        with pytest.raises(OSError, match="timed out"):
            await ask("172.17.0.2", 80, stranger, seconds=SHORT)
        assert await ask("172.17.0.2", 80) == "served"  # the host itself may


async def test_udp(engine: Engine) -> None:
    server, other = await box(engine, ONE), await box(engine, TWO)
    shown = await engine.networks.publish(ONE, {"53/udp": binding("5353")})
    assert first(shown, "53/udp") == 5353
    with udp_server(server, 53, "dns"):
        assert await ask("127.0.0.1", 5353, kind=socket.SOCK_DGRAM) == "dns"
        assert await ask("172.17.0.1", 5353, kind=socket.SOCK_DGRAM) == "dns"
        assert await ask("172.17.0.1", 5353, other, kind=socket.SOCK_DGRAM) == "dns"


async def test_a_udp_client_that_never_pauses_reaches_whoever_has_the_port(engine: Engine) -> None:
    one, two = await box(engine, ONE), await box(engine, TWO)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)

        async def answer() -> str | None:
            client.sendto(b"?", ("172.17.0.1", 5353))
            try:
                return (await asyncio.to_thread(client.recv, 100)).decode()
            except (TimeoutError, ConnectionRefusedError):
                return None

        assert await answer() is None
        with udp_server(one, 53, "one"), udp_server(two, 53, "two"):
            await engine.networks.publish(ONE, {"53/udp": binding("5353")})
            assert await answer() == "one"
            await engine.networks.unpublish(ONE)
            await engine.networks.publish(TWO, {"53/udp": binding("5353")})
            assert await answer() == "two"
            await engine.networks.unpublish(TWO)
            assert await answer() is None


async def test_an_address_of_the_host_alone(engine: Engine) -> None:
    server, other = await box(engine, ONE), await box(engine, TWO)
    shown = await engine.networks.publish(ONE, {"80/tcp": binding("8080", "127.0.0.1")})
    assert shown == {"80/tcp": [PortBinding(host_ip="127.0.0.1", host_port="8080")]}
    with tcp_server(server, 80, "served"):
        assert await ask("127.0.0.1", 8080) == "served"
        with pytest.raises(OSError, match="refused"):  # an answer, so the time allowed is that of one
            await ask("172.17.0.1", 8080, other)
    await box(engine, THREE)
    both = await engine.networks.publish(THREE, {"80/tcp": binding("8080", "127.0.0.2")})
    assert first(both) == 8080
    with pytest.raises(InvalidArgument, match="cannot assign requested address"):
        await engine.networks.publish(TWO, {"80/tcp": binding("8081", "192.0.2.99")})
    with pytest.raises(InvalidArgument, match="invalid IP address"):
        await engine.networks.publish(TWO, {"80/tcp": binding("8081", "nowhere")})


async def test_the_hosts_loopback_is_out_of_a_containers_reach(engine: Engine) -> None:
    """route_localnet lets 127.0.0.1 leave by the bridge; nothing may come in with it."""
    attacker = await box(engine, ONE)
    commands = (
        "tee /proc/sys/net/ipv4/conf/all/route_localnet",
        "ip route del local 127.0.0.0/8 dev lo table local",
        "ip route add 127.9.0.0/16 via 172.17.0.1 dev eth0",
    )
    for command in commands:
        subprocess.run(
            ["nsenter", f"--net={attacker}", *command.split()], check=True, input=b"1", stdout=subprocess.DEVNULL
        )
    with socket.socket() as server:
        server.bind(("127.9.0.1", 7777))
        server.listen()
        assert server.getsockname() == ("127.9.0.1", 7777)
        with pytest.raises(OSError, match=r"timed out"):
            await ask("127.9.0.1", 7777, attacker, seconds=SHORT)
    dropped = Nftables()
    dropped.apply(f"flush chain inet {engine.config.table} raw")
    dropped.close()
    with socket.socket() as server:
        server.bind(("127.9.0.1", 7777))
        server.listen()
        threading.Thread(target=_accept_once, args=(server,)).start()
        assert await ask("127.9.0.1", 7777, attacker) == "reached"  # the attack works without the rule


def _accept_once(server: socket.socket) -> None:
    server.settimeout(5)
    connection, _address = server.accept()
    with connection:
        connection.sendall(b"reached")


async def test_a_port_is_taken_once(engine: Engine) -> None:
    await box(engine, ONE)
    await box(engine, TWO)
    await engine.networks.publish(ONE, {"80/tcp": binding("8080")})
    endpoint = engine.networks.endpoints(engine.networks.get("bridge").id)[TWO].endpoint_id
    message = (
        rf"^driver failed programming external connectivity on endpoint 2222 \({endpoint}\): "
        r"Bind for 0\.0\.0\.0:8080 failed: port is already allocated$"
    )
    with pytest.raises(Conflict, match=message):
        await engine.networks.publish(TWO, {"80/tcp": binding("8080"), "70/tcp": binding("8070")})
    with pytest.raises(Conflict, match=r"127\.0\.0\.1:8080"):
        await engine.networks.publish(TWO, {"80/tcp": binding("8080", "127.0.0.1")})
    # nothing of the failed attempt stays: 8070 is free, and UDP is another matter
    await engine.networks.publish(TWO, {"80/udp": binding("8080"), "70/tcp": binding("8070")})
    await engine.networks.close_sandbox(ONE)
    await engine.networks.publish(TWO, {"80/tcp": binding("8080")})


async def test_a_port_of_another_program(engine: Engine) -> None:
    await box(engine, ONE)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("0.0.0.0", 8080))
        sock.listen()
        with pytest.raises(
            Conflict, match=r"failed to bind host port for 0\.0\.0\.0:8080:172\.17\.0\.2:80/tcp: address"
        ):
            await engine.networks.publish(ONE, {"80/tcp": binding("8080")})
    await engine.networks.publish(ONE, {"80/tcp": binding("8080")})
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with pytest.raises(OSError, match="in use"):  # and others see that it is taken
            sock.bind(("0.0.0.0", 8080))


async def test_ephemeral_ports_ranges_and_all(engine: Engine) -> None:
    await box(engine, ONE)
    await box(engine, TWO)
    one = await engine.networks.publish(ONE, {"80/tcp": [], "81/tcp": binding("0"), "82/tcp": binding("9000-9001")})
    assert 32768 <= first(one) <= 60999
    assert first(one, "81/tcp") not in (0, first(one))
    assert first(one, "82/tcp") == 9000
    two = await engine.networks.publish(TWO, {"82/tcp": binding("9000-9001")}, ["82/tcp", "83/udp"], publish_all=True)
    assert first(two, "82/tcp") == 9001
    assert 32768 <= first(two, "83/udp") <= 60999
    with pytest.raises(Conflict, match="all ports are allocated"):
        await engine.networks.publish(ONE, {"82/tcp": binding("9000-9001"), "83/tcp": binding("9000-9001")})


@pytest.mark.parametrize(
    "ports", [{"80/tcp": binding("70000")}, {"80/tcp": binding("x")}, {"x/tcp": []}, {"80/icmp": []}, {"90-80": []}]
)
async def test_wrong_ports(engine: Engine, ports: dict[str, list[PortBinding]]) -> None:
    await box(engine, ONE)
    with pytest.raises(InvalidArgument, match="invalid"):
        await engine.networks.publish(ONE, ports)


async def test_ports_follow_the_default_route(engine: Engine) -> None:
    networks = engine.networks
    path = await box(engine, ONE)
    await networks.publish(ONE, {"80/tcp": binding("8080")})
    other = await networks.create("a")
    await networks.join(ONE, other, EndpointSettings(gw_priority=5))
    with tcp_server(path, 80, "served"):
        assert await ask("127.0.0.1", 8080) == "served"
        await networks.leave(ONE, networks.get("bridge").id)
        assert await ask("127.0.0.1", 8080) == "served"
        assert await ask("::1", 8080) == "served"
        await networks.leave(ONE, other.id)
        assert await ask("127.0.0.1", 8080) == ""  # still held, but nobody serves


async def test_networks_that_publish_nothing(engine: Engine) -> None:
    await engine.networks.create("inside", internal=True)
    await box(engine, ONE, "inside")
    assert await engine.networks.publish(ONE, {"80/tcp": binding("8080")}) == {}
    assert await engine.networks.publish(TWO, {"80/tcp": binding("8080")}) == {}


async def test_a_network_with_its_own_host_address(engine: Engine) -> None:
    await engine.networks.create("n", options={"com.docker.network.bridge.host_binding_ipv4": "127.0.0.1"})
    await box(engine, ONE, "n")
    shown = await engine.networks.publish(ONE, {"80/tcp": binding("8080")})
    assert shown == {"80/tcp": [PortBinding(host_ip="127.0.0.1", host_port="8080")]}


async def test_a_flushed_ruleset_comes_back_and_is_bridged_meanwhile(engine: Engine) -> None:
    path = await box(engine, ONE)
    await box(engine, TWO)
    await engine.networks.publish(ONE, {"80/tcp": binding("8080")})
    nft = Nftables()
    nft.apply("flush ruleset")
    with tcp_server(path, 80, "served") as clients:
        assert await ask("127.0.0.1", 8080) == "served"
        await engine.networks.publish(TWO, {"80/tcp": binding("8081")})
        assert await ask("127.0.0.1", 8080) == "served"
        assert clients == ["172.17.0.1", "172.17.0.1"]
    assert nft.query(f"list table inet {engine.config.table}")
    nft.close()


async def test_ipv6_ports(engine: Engine) -> None:
    await engine.networks.create("six", enable_ipv6=True)
    path = await box(engine, ONE, "six")
    neighbour = await box(engine, TWO, "six")
    gateway = (engine.networks.get("six").ipam.config or [])[1].gateway or ""
    await engine.networks.publish(ONE, {"80/tcp": binding("8080")})
    with tcp_server(path, 80, "served", socket.AF_INET6):
        assert await ask(gateway, 8080) == "served"
        assert await ask(gateway, 8080, neighbour) == "served"
        assert await ask("127.0.0.1", 8080) == "served"
        assert await ask("::1", 8080) == "served"


async def test_neighbours_without_icc(start_engine: StartEngine) -> None:
    engine = await start_engine(icc=False)
    await engine.networks.reconcile({})
    server, other = await box(engine, ONE), await box(engine, TWO)
    with tcp_server(server, 80, "served"):
        assert await ask("172.17.0.2", 80) == "served"
        with pytest.raises(OSError, match=r"timed out|No route"):
            await ask("172.17.0.2", 80, other, seconds=SHORT)


async def test_internal_networks_talk_among_themselves_only(engine: Engine) -> None:
    await engine.networks.create("inside", internal=True)
    server, other = await box(engine, ONE, "inside"), await box(engine, TWO, "inside")
    outside = await box(engine, THREE)
    address = next(iter(engine.networks.endpoints(engine.networks.get("inside").id).values())).ip_address or ""
    with tcp_server(server, 80, "served"), tcp_server(outside, 80, "outside"):
        assert await ask(address, 80, other) == "served"
        with pytest.raises(OSError, match=r"timed out|unreachable"):
            await ask(address, 80, outside, seconds=SHORT)
        with pytest.raises(OSError, match="unreachable"):
            await ask("172.17.0.2", 80, other, seconds=SHORT)


async def test_publishing_again_and_giving_back(engine: Engine) -> None:
    await box(engine, ONE)
    await engine.networks.publish(ONE, {"80/tcp": binding("8080")})
    await engine.networks.publish(ONE, {"80/tcp": binding("8080"), "81/tcp": binding("8081")})
    await engine.networks.unpublish(ONE)
    await engine.networks.unpublish(ONE)
    assert engine.networks.shown_ports(ONE) == {}
    with socket.socket() as sock:
        sock.bind(("0.0.0.0", 8080))


async def test_concurrent_wishes_for_one_port(engine: Engine) -> None:
    ids = [f"{i:064x}" for i in range(8)]
    for sandbox in ids:
        await box(engine, sandbox)
    results = await asyncio.gather(
        *(engine.networks.publish(i, {"80/tcp": binding("8080")}) for i in ids), return_exceptions=True
    )
    assert sum(isinstance(r, dict) for r in results) == 1
    assert sum(isinstance(r, Conflict) for r in results) == 7
