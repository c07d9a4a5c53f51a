"""Names of kernel objects."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from pogu.engine.config import EngineConfig
from pogu.engine.model import Network
from pogu.engine.networks.identity import Identity, bridge_name, mac_for


def test_engines_are_told_apart_and_know_themselves() -> None:
    config = EngineConfig(root=Path("/a"))
    assert Identity.of(config) == Identity.of(replace(config, mtu=9000))
    others = [replace(config, root=Path("/b")), replace(config, bridge="x0"), replace(config, table="t")]
    assert len({Identity.of(c) for c in [config, *others]}) == 4


def test_interface_names_fit() -> None:
    identity = Identity.of(EngineConfig())
    assert len(identity.veth("0123456789abcdef" * 4)) == 14
    assert identity.veth("0123456789").startswith(identity.veth_prefix)
    assert bridge_name(Network(name="n", id="0123456789abcdef" * 4, created="")) == "br-0123456789ab"
    named = Network(name="n", id="0", created="", options={"com.docker.network.bridge.name": "mine"})
    assert bridge_name(named) == "mine"


def test_macs_come_from_addresses() -> None:
    assert mac_for(ip_address("172.17.0.2")) == "02:42:ac:11:00:02"
    assert mac_for(ip_address("fd00::1:2")) == "02:42:00:01:00:02"
