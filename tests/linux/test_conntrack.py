"""Forgetting tracked flows."""

from __future__ import annotations

import socket

import pytest

from pogu.linux.conntrack import forget_udp
from pogu.linux.nftables import Nftables

pytestmark = pytest.mark.usefixtures("own_network")


def test_udp_flows_to_a_port_are_forgotten_and_others_stay() -> None:
    nft = Nftables()
    nft.apply(
        "add table inet t\n"
        "add chain inet t out { type nat hook output priority -100; policy accept; }\n"
        "add rule inet t out ct state new"
    )
    nft.close()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as four,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as six,
    ):
        four.sendto(b"x", ("127.0.0.1", 5353))
        four.sendto(b"x", ("127.0.0.1", 5354))
        six.sendto(b"x", ("::1", 5353))
    assert forget_udp({5353}) == 2
    assert forget_udp({5353}) == 0
    assert forget_udp({5354}) == 1
    assert forget_udp(set()) == 0
