"""The options of bridge networks."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface

import pytest

from pogu.engine.model import IPAM, IPAMConfig, Network
from pogu.engine.networks.bridge_settings import bridge_settings, pool_of
from pogu.engine.networks.firewall import BridgeRules
from pogu.errors import InvalidArgument

BRIDGE, DRIVER = "com.docker.network.bridge.", "com.docker.network.driver."


def network(options: dict[str, str] | None = None, **more: object) -> Network:
    pools = [
        IPAMConfig(subnet="10.1.0.0/16", gateway="10.1.0.1", aux_addresses={"DefaultGatewayIPv4": "10.1.0.9"}),
        IPAMConfig(subnet="fd00::/64", gateway="fd00::1"),
    ]
    return Network(name="n", id="ab" * 32, created="", ipam=IPAM(config=pools), options=options or {}, **more)  # type: ignore[arg-type]


def test_defaults() -> None:
    found = bridge_settings(network())
    assert (found.name, found.mtu, found.icc, found.masquerade, found.interface_prefix) == (
        "br-abababababab",
        1500,
        True,
        True,
        "eth",
    )
    assert (found.ipv4, found.gateway4) == (ip_interface("10.1.0.1/16"), ip_address("10.1.0.9"))
    assert (found.ipv6, found.gateway6) == (None, None)  # IPv6 is not enabled
    assert found.mac == "02:42:0a:01:00:01"


def test_options() -> None:
    found = bridge_settings(
        network(
            {
                BRIDGE + "name": "mine0",
                BRIDGE + "enable_icc": "false",
                BRIDGE + "enable_ip_masquerade": "0",
                BRIDGE + "host_binding_ipv4": "127.0.0.1",
                DRIVER + "mtu": "9000",
                "com.docker.network.container_iface_prefix": "net",
                "something.else": "x",
            },
            enable_ipv6=True,
            internal=True,
        )
    )
    assert (found.name, found.mtu, found.host_binding, found.interface_prefix) == (
        "mine0",
        9000,
        ip_address("127.0.0.1"),
        "net",
    )
    assert (found.gateway4, found.gateway6) == (None, None)  # internal: no way out
    assert found.rules() == BridgeRules(
        "mine0",
        ip_interface("10.1.0.1/16").network,
        ip_interface("fd00::1/64").network,
        False,
        False,
        True,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (BRIDGE + "name", "sixteen-letters-"),
        (BRIDGE + "name", "a b"),
        (BRIDGE + "name", "a/b"),
        (BRIDGE + "name", '"; drop'),
        (BRIDGE + "name", ".."),
        (BRIDGE + "enable_icc", ""),
        (BRIDGE + "enable_ip_masquerade", "yes"),
        (BRIDGE + "host_binding_ipv4", "::1"),
        (DRIVER + "mtu", "-1"),
        (DRIVER + "mtu", "9" * 30),
        (DRIVER + "mtu", "10"),
    ],
)
def test_wrong_options(key: str, value: str) -> None:
    with pytest.raises(InvalidArgument):
        bridge_settings(network({key: value}))


def test_pools_by_family() -> None:
    assert (pool_of(network(), 6) or IPAMConfig()).subnet == "fd00::/64"
    assert pool_of(Network(name="n", id="a", created=""), 4) is None
