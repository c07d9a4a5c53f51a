"""Sections 스토리지 드라이버, dockerd 옵션 변경 and 클라이언트 설정: how the daemon is told what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.running import RunningDaemon


@pytest.fixture
def started() -> Iterator[list[RunningDaemon]]:
    """Daemons that a test puts here are closed at its end."""
    daemons: list[RunningDaemon] = []
    yield daemons
    for daemon in daemons:
        daemon.close()


def _start(started: list[RunningDaemon], *flags: str) -> RunningDaemon:
    daemon = RunningDaemon(*flags)
    started.append(daemon)
    daemon.start()
    return daemon


@pytest.mark.parametrize("driver", ["overlay", "vfs"])
def test_storage_drivers(started: list[RunningDaemon], driver: str) -> None:
    daemon = _start(started, "--storage-driver", driver)
    assert daemon.docker("info", "-f", "{{.Driver}}").out.startswith(driver)
    daemon.load_image("busybox")
    assert daemon.docker("run", "--rm", "busybox", "echo", driver).out == driver


@pytest.mark.parametrize("driver", ["aufs", "devicemapper", "zfs"])
def test_a_storage_driver_that_is_not_here_says_so(started: list[RunningDaemon], driver: str) -> None:
    with pytest.raises(RuntimeError, match=driver):
        _start(started, "--storage-driver", driver)


def test_docker_info(started: list[RunningDaemon]) -> None:
    shown = _start(started).docker("info").out
    for line in ("Containers: 0", "Logging Driver: json-file", "Network: bridge", "Architecture: "):
        assert line in shown


def test_the_options_of_the_unit_file(started: list[RunningDaemon]) -> None:
    """-D, --storage-driver, --dns and --bip, as the chapter's ExecStart gives them (its subnet is another here)."""
    daemon = _start(
        started, "-D", "--storage-driver", "overlay", "--dns", "8.8.8.8", "--dns", "8.8.4.4", "--bip", "10.213.7.1/24"
    )
    daemon.load_image("busybox")
    assert daemon.docker("info", "-f", "{{.Debug}}").out == "true"
    shown = daemon.docker("run", "--rm", "busybox", "cat", "/etc/resolv.conf").out
    assert "nameserver 8.8.8.8" in shown
    assert "nameserver 8.8.4.4" in shown
    assert daemon.docker("run", "--rm", "busybox", "hostname", "-i").out.startswith("10.213.7.")


def test_fixed_cidr(started: list[RunningDaemon]) -> None:
    daemon = _start(started, "--bip", "10.213.8.1/24", "--fixed-cidr", "10.213.8.128/25")
    daemon.load_image("busybox")
    address = daemon.docker("run", "--rm", "busybox", "hostname", "-i").out
    assert int(address.rpartition(".")[2]) >= 128


def test_docker_host_over_tls(started: list[RunningDaemon], tmp_path: Path) -> None:
    """`-H tcp://…:2376` with TLS on the daemon's side, `DOCKER_HOST` on the client's."""
    ca, strangers = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    _certificate(ca.issue_cert("127.0.0.1"), tmp_path / "server")
    _certificate(ca.issue_cert("client@pogu"), tmp_path / "client")
    _certificate(strangers.issue_cert("stranger@pogu"), tmp_path / "stranger")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    daemon = _start(
        started, "-H", f"tcp://127.0.0.1:{port}", "--tlsverify", "--tlscacert", str(tmp_path / "ca.pem"),
        "--tlscert", str(tmp_path / "server-cert.pem"), "--tlskey", str(tmp_path / "server-key.pem"),
    )  # fmt: skip

    def ask(who: str) -> int:
        flags = ["-H", f"tcp://127.0.0.1:{port}", "--tlsverify", "--tlscacert", str(tmp_path / "ca.pem")]
        pair = ["--tlscert", str(tmp_path / f"{who}-cert.pem"), "--tlskey", str(tmp_path / f"{who}-key.pem")]
        return daemon.docker(*flags, *pair, "version", check=False).code

    assert ask("client") == 0
    assert ask("stranger") != 0


def _certificate(issued: trustme.LeafCert, base: Path) -> None:
    issued.cert_chain_pems[0].write_to_path(base.with_name(base.name + "-cert.pem"))
    issued.private_key_pem.write_to_path(base.with_name(base.name + "-key.pem"))
