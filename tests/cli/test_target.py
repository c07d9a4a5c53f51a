"""Which daemon is meant."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from pogu.cli.contexts import Context, Store
from pogu.cli.target import find_target
from pogu.errors import InvalidArgument

NO_SETTINGS = {"DOCKER_CONFIG": "/nowhere"}


def test_the_default_the_environment_and_the_option() -> None:
    assert find_target({}, NO_SETTINGS).path == "/run/pogu/pogu.sock"
    assert find_target({}, {"POGU_HOST": "unix:///a.sock"}).path == "/a.sock"
    assert find_target({"host": "unix:///b.sock"}, {"POGU_HOST": "unix:///a.sock"}).path == "/b.sock"
    assert find_target({}, {"DOCKER_HOST": "unix:///docker.sock"}).path == "/docker.sock"
    both = {"DOCKER_HOST": "unix:///docker.sock", "POGU_HOST": "unix:///a.sock"}
    assert find_target({}, both).path == "/a.sock"


@pytest.mark.parametrize(
    ("url", "address", "port"),
    [
        ("tcp://10.0.0.1:99", "10.0.0.1", 99),
        ("tcp://10.0.0.1", "10.0.0.1", 2375),
        ("10.0.0.1:99", "10.0.0.1", 99),
        ("tcp://[::1]:99", "::1", 99),
        ("http://h:1/", "h", 1),
    ],
)
def test_tcp(url: str, address: str, port: int) -> None:
    found = find_target({"host": url}, NO_SETTINGS)
    assert (found.address, found.port, found.context) == (address, port, None)


@pytest.mark.parametrize("url", ["ftp://x", "tcp://x:port"])
def test_refused(url: str) -> None:
    with pytest.raises(InvalidArgument, match="unable to parse the daemon's address"):
        find_target({"host": url}, NO_SETTINGS)


def test_tls(tmp_path: Path) -> None:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    loose = find_target({"host": "tcp://h", "tls": "true"}, {"POGU_CERT_PATH": str(tmp_path)})
    assert loose.port == 2376
    assert loose.context
    assert loose.context.verify_mode is ssl.CERT_NONE
    strict = find_target({"host": "tcp://h"}, {"POGU_CERT_PATH": str(tmp_path), "POGU_TLS_VERIFY": "1"})
    assert strict.context
    assert strict.context.verify_mode is ssl.CERT_REQUIRED
    with pytest.raises(InvalidArgument, match="cannot use the TLS files"):
        find_target({"host": "tcp://h", "tlsverify": "true", "tlscacert": "/nowhere"}, NO_SETTINGS)


def test_a_context(tmp_path: Path) -> None:
    ca = trustme.CA()
    store = Store(tmp_path)
    store.save(Context("near", endpoint={"Host": "unix:///near.sock", "SkipTLSVerify": False}))
    store.save(Context("far", endpoint={"Host": "tcp://far"}, tls={"ca.pem": ca.cert_pem.bytes()}))
    environ = {"DOCKER_CONFIG": str(tmp_path)}
    assert find_target({"context": "near"}, environ).path == "/near.sock"
    far = find_target({}, {**environ, "DOCKER_CONTEXT": "far"})
    assert (far.address, far.port) == ("far", 2376)
    assert far.context
    assert far.context.verify_mode is ssl.CERT_REQUIRED
    (tmp_path / "config.json").write_text('{"currentContext": "near"}')
    assert find_target({}, environ).path == "/near.sock"
    assert find_target({}, {**environ, "DOCKER_CONTEXT": "default"}).path == "/run/pogu/pogu.sock"
    assert find_target({}, {**environ, "DOCKER_HOST": "unix:///named.sock"}).path == "/named.sock"
    with pytest.raises(InvalidArgument, match="cannot specify both --host and --context"):
        find_target({"context": "near", "host": "unix:///x"}, environ)
    with pytest.raises(InvalidArgument, match='unable to resolve docker endpoint: context "nosuch": context not found'):
        find_target({"context": "nosuch"}, environ)
