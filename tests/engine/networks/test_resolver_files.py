"""/etc/hosts and /etc/resolv.conf of containers."""

from __future__ import annotations

from pogu.engine.networks.resolver_files import (
    ResolverSettings,
    hosts_file,
    parse_resolv_conf,
    resolv_conf,
    upstream_nameservers,
)

HOST = """\
# a comment
; another
nameserver 127.0.0.53
nameserver 192.0.2.1
nameserver ::1
domain old.example
search a.example b.example
options edns0 trust-ad
options timeout:3
sortlist 10.0.0.0/8
"""


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_hosts() -> None:
    text = hosts_file(
        "web",
        "example.org",
        ["172.17.0.2", "fd00::2"],
        [("db", "10.0.0.1"), ("six", "[fd00::9]")],
        [("10.0.0.5", "x y")],
    )
    assert text.splitlines() == [
        "127.0.0.1\tlocalhost",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "fe00::\tip6-localnet",
        "ff00::\tip6-mcastprefix",
        "ff02::1\tip6-allnodes",
        "ff02::2\tip6-allrouters",
        "10.0.0.1\tdb",
        "fd00::9\tsix",
        "10.0.0.5\tx y",
        "172.17.0.2\tweb.example.org web",
        "fd00::2\tweb.example.org web",
    ]
    assert hosts_file("web", "", [], ipv6=False) == "127.0.0.1\tlocalhost\n"


def test_reading() -> None:
    assert parse_resolv_conf(HOST) == ResolverSettings(
        nameservers=["127.0.0.53", "192.0.2.1", "::1"],
        search=["a.example", "b.example"],
        options=["edns0", "trust-ad", "timeout:3"],
        other=["sortlist 10.0.0.0/8"],
    )


def test_servers_on_the_hosts_loopback_are_left_out() -> None:
    assert lines(resolv_conf([], [], [], host_text=HOST)) == [
        "nameserver 192.0.2.1",
        "search a.example b.example",
        "options edns0 trust-ad timeout:3",
        "sortlist 10.0.0.0/8",
    ]
    assert lines(resolv_conf([], [], [], host_text=HOST, keep_local=True))[:3] == [
        "nameserver 127.0.0.53",
        "nameserver 192.0.2.1",
        "nameserver ::1",
    ]


def test_public_servers_stand_in_where_none_remain() -> None:
    for text in ("", "nameserver 127.0.0.1\nnameserver junk\n"):
        assert lines(resolv_conf([], [], [], host_text=text)) == ["nameserver 8.8.8.8", "nameserver 8.8.4.4"]
    assert upstream_nameservers(["127.0.0.1"], HOST) == ["127.0.0.1"]  # what somebody asked for is theirs


def test_what_is_given_overrides() -> None:
    text = resolv_conf(["10.0.0.1"], ["c.example"], ["debug"], host_text="nameserver 192.0.2.1\nsearch a\noptions b\n")
    assert lines(text) == ["nameserver 10.0.0.1", "search c.example", "options debug"]
    assert "search" not in resolv_conf([], ["."], [], host_text=HOST)


def test_the_embedded_server() -> None:
    assert lines(resolv_conf(["10.0.0.1"], [], [], host_text="search a\n", internal=True)) == [
        "nameserver 127.0.0.11",
        "search a",
        "options ndots:0",
    ]
    kept = resolv_conf([], [], ["ndots:2"], host_text=HOST, internal=True)
    assert "options ndots:2\n" in kept
