"""Addresses as dockerd's -H writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pogu.daemon.hosts import Host, InheritedHost, TcpHost, UnixHost, parse_host
from pogu.errors import InvalidArgument

SOCKET = Path("/run/pogu/pogu.sock")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("unix:///tmp/a.sock", UnixHost(Path("/tmp/a.sock"))),
        ("unix://", UnixHost(SOCKET)),
        ("/tmp/a.sock", UnixHost(Path("/tmp/a.sock"))),
        ("tcp://", TcpHost("127.0.0.1", 2375)),
        ("tcp://:80", TcpHost("127.0.0.1", 80)),
        ("tcp://0.0.0.0", TcpHost("0.0.0.0", 2375)),
        ("tcp://[::1]:99", TcpHost("::1", 99)),
        ("tcp://[::]", TcpHost("::", 2375)),
        ("host:2375", TcpHost("host", 2375)),
        ("fd://", InheritedHost("")),
        ("fd://*", InheritedHost("")),
        ("fd://web", InheritedHost("web")),
    ],
)
def test_parsed(text: str, host: Host) -> None:
    assert parse_host(text, default_socket=SOCKET, tls=False) == host


def test_tls_has_a_port_of_its_own() -> None:
    assert parse_host("tcp://10.0.0.1", default_socket=SOCKET, tls=True) == TcpHost("10.0.0.1", 2376)


@pytest.mark.parametrize(
    "text", ["http://x", "tcp://x:port", "tcp://x:99999", "tcp://::1:5", "tcp://x/path", "tcp://[::1"]
)
def test_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="parsing -H failed"):
        parse_host(text, default_socket=SOCKET, tls=False)


@pytest.mark.parametrize(
    ("address", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("host", False)],
)
def test_what_is_local(address: str, local: bool) -> None:
    assert TcpHost(address, 1).local is local


def test_shown() -> None:
    assert str(TcpHost("::1", 5)) == "tcp://[::1]:5"
    assert str(UnixHost(SOCKET)) == "unix:///run/pogu/pogu.sock"
    assert str(InheritedHost("")) == "fd://"
