"""The default bridge's subnet, from settings, from the administrator, or from an earlier life."""

from __future__ import annotations

from ipaddress import ip_interface

import pytest

from pogu.linux.rtnetlink import RouteSocket
from tests.engine.networks.conftest import Engine, StartEngine


def subnet(engine: Engine) -> str | None:
    return (engine.networks.get("bridge").ipam.config or [])[0].subnet


def other_interface(address: str) -> None:
    with RouteSocket() as sock:
        sock.add_bridge("vpn0", mac="02:42:00:00:00:01", mtu=1500, alias="")
        link = sock.link("vpn0")
        assert link is not None
        sock.add_address(link.index, ip_interface(address))


async def test_a_subnet_that_is_in_the_way_after_a_reboot_is_replaced(
    start_engine: StartEngine, caplog: pytest.LogCaptureFixture
) -> None:
    one = await start_engine()
    identity = one.networks.get("bridge").id
    assert subnet(one) == "172.17.0.0/16"
    await one.crash()
    with RouteSocket() as sock:
        sock.delete_link("pg0")
    other_interface("172.17.5.1/24")
    two = await start_engine()
    assert subnet(two) == "172.18.0.0/16"
    assert two.networks.get("bridge").id == identity
    assert "subnet 172.17.0.0/16 of the default bridge overlaps 172.17.5.0/24 of this host: replaced" in caplog.text


async def test_a_subnet_with_a_bridge_that_stands_is_kept_and_reported(
    start_engine: StartEngine, caplog: pytest.LogCaptureFixture
) -> None:
    one = await start_engine()
    made = await one.networks.create("mine")
    await one.crash()
    other_interface("172.16.0.1/12")
    two = await start_engine()
    assert subnet(two) == "172.17.0.0/16"
    assert "172.17.0.0/16 of the default bridge overlaps 172.16.0.0/12 of this host: kept" in caplog.text
    assert "subnet 172.18.0.0/16 of network mine overlaps 172.16.0.0/12 of this host" in caplog.text
    assert two.networks.get(made.id).ipam == made.ipam


async def test_changed_settings_change_the_bridge(start_engine: StartEngine) -> None:
    one = await start_engine()
    await one.crash()
    two = await start_engine(bip="10.4.0.1/24", icc=False)
    with RouteSocket() as sock:
        link = sock.link("pg0")
        assert link is not None
        assert [str(a) for a in sock.addresses(link.index) if a.version == 4] == ["10.4.0.1/24"]
    await two.networks.reconcile({})


async def test_an_interface_that_the_administrator_addressed(start_engine: StartEngine) -> None:
    with RouteSocket() as sock:
        sock.add_bridge("pg0", mac="02:42:00:00:00:01", mtu=1500, alias="")
        link = sock.link("pg0")
        assert link is not None
        sock.add_address(link.index, ip_interface("10.7.0.3/22"))
    engine = await start_engine()
    pool = (engine.networks.get("bridge").ipam.config or [])[0]
    assert (pool.subnet, pool.gateway) == ("10.7.0.0/22", "10.7.0.3")


async def test_no_default_bridge(start_engine: StartEngine) -> None:
    engine = await start_engine(bridge="none")
    assert [n.name for n in engine.networks.list()] == ["host", "none"]


async def test_ipv6_on_the_default_bridge(start_engine: StartEngine) -> None:
    engine = await start_engine(ipv6=True, fixed_cidr_v6="fd00:9::/80", default_gateway_v6="fd00:9::fe")
    pool = (engine.networks.get("bridge").ipam.config or [])[1]
    assert (pool.subnet, pool.gateway, pool.aux_addresses) == (
        "fd00:9::/80",
        "fd00:9::1",
        {"DefaultGatewayIPv6": "fd00:9::fe"},
    )
    assert engine.networks.get("bridge").enable_ipv6
