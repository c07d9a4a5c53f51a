"""Choosing subnets that nobody else uses."""

from __future__ import annotations

import fcntl
import os
from ipaddress import ip_interface, ip_network
from pathlib import Path

import pytest

from pogu.engine.networks import subnets
from pogu.engine.networks.subnets import choose_ipv4, choose_ipv6, host_subnets, subnet_lock
from pogu.errors import InvalidArgument
from pogu.linux.rtnetlink import RouteSocket

DOCKERS = [("172.17.0.0/12", 16), ("192.168.0.0/16", 20)]


def nets(*texts: str) -> list[object]:
    return [ip_network(t) for t in texts]


def test_a_pool_begins_at_the_address_that_is_written() -> None:
    assert choose_ipv4(DOCKERS, []) == ip_network("172.17.0.0/16")
    assert choose_ipv4(DOCKERS, nets("172.17.3.0/24", "fd00::/8")) == ip_network("172.18.0.0/16")  # type: ignore[arg-type]
    assert choose_ipv4(DOCKERS, nets("172.0.0.0/8")) == ip_network("192.168.0.0/20")  # type: ignore[arg-type]
    assert choose_ipv4(DOCKERS, nets("172.0.0.0/8", "192.168.0.7/32")) == ip_network("192.168.16.0/20")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match="non-overlapping IPv4 address pool among the defaults"):
        choose_ipv4(DOCKERS, nets("0.0.0.0/1", "128.0.0.0/1"))  # type: ignore[arg-type]


def test_ipv6_subnets_are_unique_local_and_steady() -> None:
    first = choose_ipv6("seed", [])
    assert first.subnet_of(ip_network("fd00::/8"))  # type: ignore[arg-type]
    assert first.prefixlen == 64
    assert choose_ipv6("seed", []) == first != choose_ipv6("other", [])
    second = choose_ipv6("seed", [first])
    assert not second.overlaps(first)


def test_what_the_host_reaches(own_network: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with RouteSocket() as sock:
        for name, address in (("a0", "10.1.2.3/16"), ("a1", "10.2.0.1/32"), ("mine", "10.3.0.1/24")):
            sock.add_bridge(name, mac="02:42:00:00:00:01", mtu=1500, alias="")
            link = sock.link(name)
            assert link is not None
            sock.add_address(link.index, ip_interface(address))
    found = host_subnets(except_link="mine")
    assert ip_network("10.1.0.0/16") in found
    assert ip_network("10.2.0.1/32") in found
    assert not any(n.overlaps(ip_network("10.3.0.0/24")) for n in found if n.version == 4)  # type: ignore[arg-type]
    assert ip_network("10.3.0.0/24") in host_subnets()


def test_name_servers(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("# x\nnameserver 10.9.9.9\nnameserver fe80::1%eth0\nnameserver x\nsearch y\n")
    assert subnets._nameservers(tmp_path / "resolv.conf") == nets("10.9.9.9/32", "fe80::1/128")
    assert subnets._nameservers(tmp_path / "missing") == []


def test_the_lock_keeps_others_out() -> None:
    def try_lock() -> bool:
        directory = next(d for d in subnets._LOCK_DIRECTORIES if d.is_dir())
        fd = os.open(directory / subnets._LOCK_NAME, os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(fd)
        return True

    with subnet_lock():
        assert not try_lock()
