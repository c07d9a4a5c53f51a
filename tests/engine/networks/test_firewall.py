"""The firewall table: written whole, changed in part, and repaired."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address

import pytest

from pogu.engine.networks.firewall import BridgeRules, Firewall, PortMapping
from pogu.errors import PoguError
from pogu.linux.nftables import Nftables, NftablesError

pytestmark = pytest.mark.usefixtures("own_network")
BRIDGE = BridgeRules("b0", IPv4Network("10.1.0.0/16"), IPv6Network("fd00::/64"))
INSIDE = BridgeRules("b1", IPv4Network("10.2.0.0/16"), None, icc=False, internal=True)


def mapping(port: int, address: str = "0.0.0.0", protocol: str = "tcp") -> PortMapping:
    return PortMapping(protocol, ip_address(address), port, ip_address("10.1.0.2"), 80)


@pytest.fixture
def nft() -> Iterator[Nftables]:
    opened = Nftables()
    yield opened
    opened.close()


@pytest.fixture
def firewall() -> Iterator[Firewall]:
    made = Firewall("tfw")
    yield made
    made.close()


def elements(nft: Nftables, name: str) -> list[str]:
    kind = "map" if name in ("any4", "addr4", "any6", "addr6") else "set"
    objects = nft.query(f"list {kind} inet tfw {name}")
    return sorted(str(e) for e in next(o[kind] for o in objects if kind in o).get("elem", []))


def test_a_bridge_is_in_the_sets_that_concern_it(firewall: Firewall, nft: Nftables) -> None:
    firewall.add_bridge(BRIDGE)
    firewall.add_bridge(INSIDE)
    assert elements(nft, "bridges") == ["b0", "b1"]
    assert elements(nft, "internal") == ["b1"]
    assert len(elements(nft, "within")) == 1
    assert len(elements(nft, "masquerade4")) == len(elements(nft, "masquerade6")) == 1
    assert len(elements(nft, "hairpin4")) == 2
    firewall.remove_bridge("b0")
    firewall.remove_bridge("b0")
    assert elements(nft, "bridges") == ["b1"]
    assert elements(nft, "masquerade4") == []


def test_a_changed_bridge_replaces_itself(firewall: Firewall, nft: Nftables) -> None:
    firewall.add_bridge(BRIDGE)
    firewall.add_bridge(BridgeRules("b0", IPv4Network("10.9.0.0/16"), None, masquerade=False))
    assert elements(nft, "masquerade4") == []
    assert "10.9.0.0" in elements(nft, "hairpin4")[0]


def test_ports_of_one_owner_are_replaced_as_one(firewall: Firewall, nft: Nftables) -> None:
    firewall.add_bridge(BRIDGE)
    firewall.publish("a", [mapping(80), mapping(81, "127.0.0.1"), mapping(80, protocol="udp")])
    firewall.publish("b", [mapping(90)])
    assert (len(elements(nft, "any4")), len(elements(nft, "addr4"))) == (3, 1)
    firewall.publish("a", [mapping(80), mapping(82)])
    assert (len(elements(nft, "any4")), len(elements(nft, "addr4"))) == (3, 0)
    firewall.publish("a", [])
    firewall.publish("a", [])
    assert len(elements(nft, "any4")) == 1


def test_a_refused_change_leaves_the_old(firewall: Firewall, nft: Nftables) -> None:
    firewall.add_bridge(BRIDGE)
    firewall.publish("a", [mapping(80)])
    with pytest.raises(PoguError, match="cannot write the nftables table"):
        firewall.publish("a", [mapping(80, protocol="nonsense")])
    assert len(elements(nft, "any4")) == 1
    firewall.publish("a", [])
    assert elements(nft, "any4") == []


def test_a_table_that_was_flushed_or_deleted_comes_back_whole(firewall: Firewall, nft: Nftables) -> None:
    firewall.add_bridge(BRIDGE)
    firewall.publish("a", [mapping(80)])
    nft.apply("delete table inet tfw")
    firewall.publish("b", [mapping(81)])
    assert len(elements(nft, "any4")) == 2
    nft.apply("flush map inet tfw any4")
    firewall.publish("b", [])
    assert len(elements(nft, "any4")) == 1


def test_a_table_of_another_form_is_replaced(firewall: Firewall, nft: Nftables) -> None:
    nft.apply("add table inet tfw\nadd map inet tfw any4 { type ipv4_addr : ipv4_addr; }")
    firewall.add_bridge(BRIDGE)
    assert elements(nft, "bridges") == ["b0"]


def test_while_it_is_held_nothing_is_written(firewall: Firewall, nft: Nftables) -> None:
    firewall.hold()
    firewall.add_bridge(BRIDGE)
    firewall.publish("a", [mapping(80)])
    with pytest.raises(NftablesError):
        nft.query("list table inet tfw")
    assert firewall.held
    firewall.rebuild()
    assert not firewall.held
    assert len(elements(nft, "any4")) == 1


def test_a_firewall_that_is_switched_off_writes_nothing(nft: Nftables) -> None:
    off = Firewall("tfw", enabled=False)
    off.add_bridge(BRIDGE)
    off.publish("a", [mapping(80)])
    off.close()
    with pytest.raises(NftablesError):
        nft.query("list table inet tfw")


def test_rebuilding_is_idempotent_and_the_table_can_go(firewall: Firewall, nft: Nftables) -> None:
    firewall.add_bridge(BRIDGE)
    before = nft.query("list table inet tfw")
    firewall.rebuild()
    after = nft.query("list table inet tfw")
    assert len(after) == len(before)
    firewall.delete_table()
    firewall.delete_table()
    with pytest.raises(NftablesError):
        nft.query("list table inet tfw")
