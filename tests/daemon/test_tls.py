"""A listener that other machines reach has TLS with client certificates, or somebody said that it should not."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from pogu.daemon.hosts import TcpHost
from pogu.daemon.tls import check_listener, server_context
from pogu.errors import InvalidArgument
from tests.daemon.settings.test_resolve import settings

OPEN, LOCAL = TcpHost("0.0.0.0", 2375), TcpHost("127.0.0.1", 2375)


def test_an_open_listener_needs_tls_or_an_explicit_no(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="root access on this machine"):
        check_listener(OPEN, settings(tmp_path))
    for flag in ("tls", "tlsverify"):
        (warning,) = check_listener(OPEN, settings(tmp_path, {flag: ["false"]}))
        assert "without encryption" in warning
    (warning,) = check_listener(OPEN, settings(tmp_path, {"tls": ["true"]}))
    assert "without checking client certificates" in warning


def test_a_local_listener_is_warned_about(tmp_path: Path) -> None:
    (warning,) = check_listener(LOCAL, settings(tmp_path))
    assert "scripts run in a browser" in warning
    assert check_listener(OPEN, settings(tmp_path, {"tlsverify": ["true"]})) == []


@pytest.fixture
def files(tmp_path: Path) -> dict[str, list[str]]:
    ca = trustme.CA()
    server = ca.issue_cert("localhost")
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    server.private_key_pem.write_to_path(tmp_path / "key.pem")
    server.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return {f"tls{name}": [str(tmp_path / file)] for name, file in
            (("cacert", "ca.pem"), ("cert", "cert.pem"), ("key", "key.pem"))}  # fmt: skip


def test_contexts(tmp_path: Path, files: dict[str, list[str]]) -> None:
    assert server_context(settings(tmp_path, {**files, "tls": ["true"]})).verify_mode is ssl.CERT_NONE
    verifying = server_context(settings(tmp_path, {**files, "tlsverify": ["true"]}))
    assert verifying.verify_mode is ssl.CERT_REQUIRED
    assert verifying.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("missing", ["tlscert", "tlskey", "tlscacert"])
def test_a_missing_file_is_named(tmp_path: Path, files: dict[str, list[str]], missing: str) -> None:
    with pytest.raises(InvalidArgument, match="/nowhere"):
        server_context(settings(tmp_path, {**files, missing: ["/nowhere"], "tlsverify": ["true"]}))


def test_the_default_place_is_dockers(
    tmp_path: Path, files: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    assert server_context(settings(tmp_path, {"tlsverify": ["true"]})).verify_mode is ssl.CERT_REQUIRED
