"""Links, addresses and routes, seen by the kernel as they were asked for."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from pogu.linux import namespaces
from pogu.linux.rtnetlink import Link, RouteSocket, VethPeer

pytestmark = pytest.mark.usefixtures("own_network")


@pytest.fixture
def sock() -> Iterator[RouteSocket]:
    with RouteSocket() as opened:
        yield opened


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Path]:
    """Another namespace."""
    path = tmp_path / "far"
    namespaces.create(path, lambda: None)
    yield path
    namespaces.remove(path)


def bridge(sock: RouteSocket, name: str = "b0") -> Link:
    sock.add_bridge(name, mac="02:42:0a:00:00:01", mtu=1400, alias="made by a test")
    link = sock.link(name)
    assert link is not None
    return link


def pair(sock: RouteSocket, far: Path, master: Link, name: str = "v0") -> Link:
    fd = os.open(far, os.O_RDONLY)
    try:
        sock.add_veth(name, master_index=master.index, mtu=1400, peer=VethPeer("eth0", fd, "02:42:0a:00:00:02"))
    finally:
        os.close(fd)
    link = sock.link(name)
    assert link is not None
    return link


def test_a_bridge_is_up_and_has_what_it_was_given(sock: RouteSocket) -> None:
    made = bridge(sock)
    assert (made.kind, made.mac, made.mtu, made.up, made.alias) == (
        "bridge",
        "02:42:0a:00:00:01",
        1400,
        True,
        "made by a test",
    )
    with pytest.raises(OSError) as again:
        bridge(sock)
    assert again.value.errno == errno.EEXIST


def test_a_pair_joins_the_bridge_and_the_other_namespace(sock: RouteSocket, far: Path) -> None:
    master = bridge(sock)
    near = pair(sock, far, master)
    assert near.master_index == master.index
    assert near.up

    def configure() -> tuple[Link | None, list[object], list[object]]:
        with RouteSocket() as inside:
            link = inside.link("eth0")
            assert link is not None
            inside.set_up(link.index)
            inside.add_address(link.index, ip_interface("10.0.0.2/24"))
            inside.set_default_route(ip_address("10.0.0.1"), link.index)
            inside.set_default_route(ip_address("10.0.0.9"), link.index)
            return inside.link("eth0"), list(inside.addresses(link.index)), list(inside.routes())

    end, addresses, routes = namespaces.inside(far, configure)
    assert end is not None
    assert (end.mac, end.mtu, end.up, end.index) == ("02:42:0a:00:00:02", 1400, True, near.peer_index)
    assert ip_interface("10.0.0.2/24") in addresses
    defaults = [r for r in routes if r.destination == ip_network("0.0.0.0/0")]  # type: ignore[attr-defined]
    assert [str(r.gateway) for r in defaults] == ["10.0.0.9"]  # type: ignore[attr-defined]
    sock.delete_link("v0")
    assert sock.link("v0") is None


def test_addresses_of_both_families_come_and_go(sock: RouteSocket) -> None:
    link = bridge(sock)
    sock.add_address(link.index, ip_interface("10.0.0.1/24"))
    sock.add_address(link.index, ip_interface("fd00:1::1/64"))
    found = sock.addresses(link.index)
    assert found[0] == ip_interface("10.0.0.1/24")
    assert ip_interface("fd00:1::1/64") in found
    assert ip_network("10.0.0.0/24") in [r.destination for r in sock.routes() if r.link_index == link.index]
    sock.delete_address(link.index, ip_interface("10.0.0.1/24"))
    assert ip_interface("10.0.0.1/24") not in sock.addresses(link.index)


def test_settings_of_a_bridge_port(sock: RouteSocket, far: Path) -> None:
    near = pair(sock, far, bridge(sock))
    sock.set_isolated(near.index, True)
    assert "isolated on" in details("v0")
    sock.set_isolated(near.index, False)
    assert "isolated off" in details("v0")
    sock.set_hairpin(near.index, True)
    assert "hairpin on" in details("v0")
    sock.disable_port(near.index)
    assert "state disabled" in details("v0")


def details(name: str) -> str:
    return subprocess.run(["ip", "-d", "link", "show", name], capture_output=True, text=True, check=True).stdout


def test_a_link_can_change_its_bridge_and_mtu(sock: RouteSocket, far: Path) -> None:
    near, other = pair(sock, far, bridge(sock)), bridge(sock, "b1")
    sock.set_master(near.index, other.index)
    sock.set_mtu(near.index, 1300)
    changed = sock.link("v0")
    assert changed is not None
    assert (changed.master_index, changed.mtu) == (other.index, 1300)


def test_names_that_no_interface_can_have_are_not_found(sock: RouteSocket) -> None:
    assert sock.link("nothere") is None
    assert sock.link("a-name-that-is-far-too-long") is None
    with pytest.raises(OSError) as missing:
        sock.delete_link("nothere")
    assert missing.value.errno == errno.ENODEV
