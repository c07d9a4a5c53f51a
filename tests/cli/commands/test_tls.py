"""A daemon behind TLS with client certificates: standard input ends while output still comes."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.running import POGU, RunningDaemon, Terminal, running_daemon


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a command that reaches a daemon of its own over TLS."""
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    certificate = ca.issue_cert("localhost", "127.0.0.1")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    files = [f"--tls{name}={folder / file}.pem" for name, file in (("cacert", "ca"), ("cert", "cert"), ("key", "key"))]
    url = f"tcp://127.0.0.1:{_free_port()}"
    with running_daemon("--host", url, "--tlsverify", *files) as daemon:
        yield {**_plain(daemon), "POGU_HOST": url, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}


def _plain(daemon: RunningDaemon) -> dict[str, str]:
    return {k: v for k, v in daemon.environment().items() if k != "DOCKER_HOST"}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as s:
        return int(s.getsockname()[1])


def _pogu(environment: dict[str, str], *args: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([POGU, *args], env=environment, input=data, capture_output=True, timeout=60, check=True)


def test_input_ends_before_output(environment: dict[str, str]) -> None:
    data = os.urandom(1 << 20)
    script = "cat; sleep 0.2; echo end >&2"
    done = _pogu(environment, "run", "--rm", "-i", "busybox", "sh", "-c", script, data=data)
    assert (done.stdout == data, done.stderr) == (True, b"end\n")


def test_a_terminal(environment: dict[str, str]) -> None:
    terminal = Terminal([str(POGU), "run", "--rm", "-it", "busybox", "sh"], environment)
    terminal.type("stty -echo; echo one$((1+1))\n")
    terminal.read_until("one2")
    terminal.type("exit 5\n")
    assert terminal.end() == 5


def test_a_large_answer(environment: dict[str, str], busybox_tar: Path) -> None:
    assert len(_pogu(environment, "save", "busybox").stdout) > busybox_tar.stat().st_size / 2
    loaded = _pogu(environment, "load", data=_pogu(environment, "save", "busybox").stdout)
    assert loaded.stdout == b"Loaded image: busybox:latest\n"


def test_the_standard_streams_on_it(environment: dict[str, str]) -> None:
    said = b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"
    done = _pogu(environment, "system", "dial-stdio", data=said)
    assert done.stdout.startswith(b"HTTP/1.1 200 OK\r\n")
    assert done.stdout.endswith(b"\r\n\r\nOK")


def test_another_authority_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    done = subprocess.run(
        [POGU, "--tlsverify", f"--tlscacert={tmp_path / 'ca.pem'}", "ps"], env=environment, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, "CERTIFICATE_VERIFY_FAILED" in done.stderr) == (1, True)


def test_a_build_with_a_session(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(1 << 20))
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY file /\n")
    _pogu(environment, "build", "-o", str(tmp_path / "out"), str(tmp_path))
    assert (tmp_path / "out" / "file").read_bytes() == (tmp_path / "file").read_bytes()
