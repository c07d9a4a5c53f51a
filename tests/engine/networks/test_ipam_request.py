"""Address configurations that people give."""

from __future__ import annotations

import pytest

from pogu.engine.model import IPAM, IPAMConfig
from pogu.engine.networks.ipam_request import check_ipam
from pogu.errors import Forbidden, InvalidArgument, NotFound


def test_a_whole_configuration_stays_as_it_is() -> None:
    given = IPAMConfig(
        subnet="172.28.0.0/16",
        ip_range="172.28.5.0/24",
        gateway="172.28.5.254",
        aux_addresses={"a": "172.28.1.5", "b": "172.28.1.6"},
    )
    assert check_ipam(IPAM(config=[given])) == IPAM(driver="default", options=None, config=[given])


def test_what_is_missing_is_filled() -> None:
    given = [
        IPAMConfig(subnet="10.1.0.0/24", aux_addresses={"x": "10.1.0.1"}),
        IPAMConfig(subnet="fd00::/64"),
        IPAMConfig(),
    ]
    found = check_ipam(IPAM(driver=None, config=given))
    assert [p.gateway for p in found.config or []] == ["10.1.0.2", "fd00::1"]
    assert given[0].gateway == ""  # what was given is left alone
    assert check_ipam(IPAM(config=None)).config == []


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (IPAMConfig(subnet="10.1.0.0"), "invalid subnet 10.1.0.0: invalid CIDR block notation"),
        (IPAMConfig(subnet="x/24"), "invalid subnet x/24: invalid CIDR block notation"),
        (IPAMConfig(subnet="10.1.0.5/24"), "invalid subnet 10.1.0.5/24: it should be 10.1.0.0/24"),
        (IPAMConfig(gateway="10.1.0.1"), "invalid subnet : invalid CIDR block notation"),
        (
            IPAMConfig(subnet="10.1.0.0/24", ip_range="10.1.0.0/16"),
            "invalid ip-range 10.1.0.0/16: CIDR block is bigger than its parent subnet 10.1.0.0/24",
        ),
        (
            IPAMConfig(subnet="10.1.0.0/24", ip_range="10.2.0.0/25"),
            "invalid ip-range 10.2.0.0/25: parent subnet 10.1.0.0/24 doesn't contain ip-range",
        ),
        (
            IPAMConfig(subnet="10.1.0.0/24", ip_range="10.1.0.1/25"),
            "invalid ip-range 10.1.0.1/25: it should be 10.1.0.0/25",
        ),
        (
            IPAMConfig(subnet="10.1.0.0/24", ip_range="fd00::/65"),
            "invalid ip-range fd00::/65: parent subnet is an IPv4 block",
        ),
        (
            IPAMConfig(subnet="10.1.0.0/24", gateway="10.2.0.1"),
            "invalid gateway 10.2.0.1: parent subnet 10.1.0.0/24 doesn't contain this address",
        ),
        (IPAMConfig(subnet="10.1.0.0/24", gateway="x"), "invalid gateway x: invalid address"),
        (
            IPAMConfig(subnet="10.1.0.0/24", aux_addresses={"a": "fd00::1"}),
            "invalid auxiliary address a: parent subnet is an IPv4 block",
        ),
    ],
)
def test_what_is_wrong_is_said(config: IPAMConfig, problem: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_ipam(IPAM(config=[config]))
    assert refused.value.message.startswith("invalid network config:\n")
    assert problem in refused.value.message.splitlines()


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidArgument) as refused:
        check_ipam(IPAM(config=[IPAMConfig(subnet="x"), IPAMConfig(subnet="10.0.0.1/8", gateway="y")]))
    assert len(refused.value.message.splitlines()) == 4


def test_drivers_and_families() -> None:
    with pytest.raises(NotFound, match='plugin "mine" not found'):
        check_ipam(IPAM(driver="mine"))
    with pytest.raises(Forbidden, match="multiple subnets"):
        check_ipam(IPAM(config=[IPAMConfig(subnet="10.1.0.0/24"), IPAMConfig(subnet="10.2.0.0/24")]))
