"""Addresses of daemons behind ssh, and the command line that reaches them."""

from __future__ import annotations

import pytest

from pogu.cli.ssh import SshHost, parse_ssh
from pogu.cli.target import find_target
from pogu.errors import InvalidArgument


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("ssh://far", SshHost("far")),
        ("ssh://me@Far.example:2222", SshHost("Far.example", "me", "2222")),
        ("ssh://me@far/run/pogu/pogu.sock", SshHost("far", "me", path="/run/pogu/pogu.sock")),
        ("ssh://[fe80::1]:22/", SshHost("fe80::1", port="22", path="/")),
        ("ssh://a%40b@far/a%20b", SshHost("far", "a@b", path="/a b")),
        ("ssh://far:", SshHost("far")),
    ],
)
def test_addresses(url: str, host: SshHost) -> None:
    assert parse_ssh(url) == host
    target = find_target({"host": url, "tls": "true"}, {"DOCKER_CONFIG": "/nowhere"})
    assert (target.url, target.ssh, target.context) == (url, host, None)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ssh://", "invalid SSH URL: hostname is empty"),
        ("ssh:///run/pogu.sock", "invalid SSH URL: hostname is empty"),
        ("ssh://me:secret@far", "invalid SSH URL: plain-text password is not supported"),
        ("ssh://far?x=1", 'query parameters are not allowed: "x=1"'),
        ("ssh://far#x", 'fragments are not allowed: "x"'),
        ("ssh://far:abc", 'invalid port ":abc" after host'),
        ("ssh://[::1]x", 'invalid port "x" after host'),
    ],
)
def test_what_is_none(url: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_ssh(url)
    assert message in caught.value.message


def test_the_command_line() -> None:
    flags = ["ssh", "-o ConnectTimeout=30", "-T"]
    assert SshHost("far").arguments("docker") == [*flags, "--", "far", "docker", "system", "dial-stdio"]
    whole = SshHost("far", "me", "22", "/a b.sock").arguments("pogu")
    named = ["-l", "me", "-p", "22", "--", "far", "pogu", "--host", "'unix:///a b.sock'", "system", "dial-stdio"]
    assert whole == [*flags, *named]
