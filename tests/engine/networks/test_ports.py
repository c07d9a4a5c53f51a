"""Ports as people write them."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from pogu.engine.model import PortBinding
from pogu.engine.networks.ports import ContainerPort, WantedBinding, parse_bindings, parse_container_ports, parse_range
from pogu.errors import InvalidArgument


def test_container_ports() -> None:
    assert parse_container_ports("80") == [ContainerPort(80, "tcp")]
    assert parse_container_ports("53/UDP") == [ContainerPort(53, "udp")]
    assert [str(p) for p in parse_container_ports("8000-8002/sctp")] == ["8000/sctp", "8001/sctp", "8002/sctp"]


@pytest.mark.parametrize("text", ["", "x", "80/", "80/icmp", "-1", "70000", "9-8", "80-", "80/tcp/udp", "٨٠"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid"):
        parse_container_ports(text)


def test_ranges() -> None:
    assert parse_range("80") == range(80, 81)
    assert parse_range("80-90") == range(80, 91)


def test_bindings_in_the_order_of_ports() -> None:
    found = parse_bindings(
        {
            "443/tcp": [PortBinding(host_ip="127.0.0.1", host_port="8443"), PortBinding(host_ip="::1", host_port="")],
            "53/udp": None,
            "80/tcp": [PortBinding(host_ip="", host_port="0")],
        }
    )
    assert found == [
        WantedBinding(ContainerPort(53, "udp"), None, range(0)),
        WantedBinding(ContainerPort(80, "tcp"), None, range(0)),
        WantedBinding(ContainerPort(443, "tcp"), ip_address("127.0.0.1"), range(8443, 8444)),
        WantedBinding(ContainerPort(443, "tcp"), ip_address("::1"), range(0)),
    ]
