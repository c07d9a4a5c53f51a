"""The addresses of a subnet, given out and taken back."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pogu.engine.networks.addresses import AddressPool, overlap, parse_subnet
from pogu.errors import Forbidden, InvalidArgument, Unavailable


def pool(subnet: str, ip_range: str = "", *reserved: str) -> AddressPool:
    within = ip_network(ip_range) if ip_range else None
    return AddressPool(ip_network(subnet), within, [ip_address(a) for a in reserved])


def take_all(source: AddressPool) -> list[str]:
    found = []
    while True:
        try:
            found.append(str(source.take()))
        except Unavailable:
            return found


def test_lowest_first_without_network_broadcast_and_reserved() -> None:
    assert take_all(pool("10.0.0.0/29", "", "10.0.0.1", "10.0.0.4")) == ["10.0.0.2", "10.0.0.3", "10.0.0.5", "10.0.0.6"]
    assert take_all(pool("10.0.0.0/31")) == ["10.0.0.0", "10.0.0.1"]
    assert take_all(pool("10.0.0.7/32")) == ["10.0.0.7"]
    assert take_all(pool("fd00::/126")) == ["fd00::1", "fd00::2", "fd00::3"]


def test_a_range_confines_what_is_chosen_and_not_what_is_asked_for() -> None:
    source = pool("10.0.0.0/24", "10.0.0.252/30")
    source.claim(ip_address("10.0.0.9"))
    assert take_all(source) == ["10.0.0.252", "10.0.0.253", "10.0.0.254"]


def test_claims_are_checked() -> None:
    source = pool("10.0.0.0/24", "", "10.0.0.1")
    source.claim(ip_address("10.0.0.2"))
    for taken in ("10.0.0.1", "10.0.0.2"):
        with pytest.raises(Forbidden, match=r"^Address already in use$"):
            source.claim(ip_address(taken))
    for outside in ("10.0.1.1", "10.0.0.0", "10.0.0.255", "fd00::1"):
        with pytest.raises(InvalidArgument, match="belong"):
            source.claim(ip_address(outside))
    assert str(source.take()) == "10.0.0.3"


def test_a_released_address_is_the_next() -> None:
    source = pool("10.0.0.0/24")
    first, second = source.take(), source.take()
    source.release(first)
    source.release(first)
    assert (source.take(), str(source.take())) == (first, "10.0.0.3")
    source.release(second)
    assert source.take() == second


@given(st.lists(st.integers(0, 1), max_size=60))
def test_no_address_is_given_out_twice(steps: list[int]) -> None:
    source, held = pool("10.0.0.0/28"), set()
    for step in steps:
        if step and held:
            source.release(held.pop())
            continue
        try:
            taken = source.take()
        except Unavailable:
            assert len(held) == 14
            continue
        assert taken not in held
        held.add(taken)


def test_subnets_as_text() -> None:
    assert parse_subnet("10.0.0.0/8") == ip_network("10.0.0.0/8")
    with pytest.raises(InvalidArgument, match="invalid CIDR block notation"):
        parse_subnet("10.0.0.0/99")


def test_overlap() -> None:
    assert overlap(ip_network("10.0.0.0/8"), ip_network("10.1.0.0/16"))
    assert not overlap(ip_network("10.0.0.0/8"), ip_network("11.0.0.0/8"))
    assert not overlap(ip_network("0.0.0.0/0"), ip_network("::/0"))
    assert overlap(ip_network("fd00::/8"), ip_network("fd00:1::/64"))
