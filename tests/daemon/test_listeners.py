"""Sockets: modes, groups, what replaces what, and sockets that are handed over."""

from __future__ import annotations

import grp
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pogu.daemon import listeners
from pogu.daemon.hosts import TcpHost, UnixHost
from pogu.daemon.listeners import bind_unix, open_listeners
from pogu.errors import Conflict, InvalidArgument
from tests.daemon.settings.test_resolve import settings


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_a_socket_has_mode_0660_and_its_group(tmp_path: Path, stack: ExitStack) -> None:
    group = grp.getgrgid(4)
    stack.enter_context(bind_unix(tmp_path / "new" / "a.sock", group.gr_name))
    status = (tmp_path / "new" / "a.sock").stat()
    assert stat.S_IMODE(status.st_mode) == 0o660
    assert status.st_gid == 4
    stack.enter_context(bind_unix(tmp_path / "b.sock", "4"))
    assert (tmp_path / "b.sock").stat().st_gid == 4


def test_a_group_that_does_not_exist(tmp_path: Path, stack: ExitStack) -> None:
    stack.enter_context(bind_unix(tmp_path / "a.sock", "nosuchgroup", asked=False))
    assert (tmp_path / "a.sock").stat().st_gid == os.getgid()
    with pytest.raises(InvalidArgument, match="group nosuchgroup not found"):
        bind_unix(tmp_path / "b.sock", "nosuchgroup")
    assert not (tmp_path / "b.sock").exists()


def test_a_dead_socket_is_replaced_and_a_living_one_is_not(tmp_path: Path, stack: ExitStack) -> None:
    bind_unix(tmp_path / "a.sock", "").close()
    assert (tmp_path / "a.sock").exists()
    stack.enter_context(bind_unix(tmp_path / "a.sock", ""))
    with pytest.raises(Conflict, match="in use by another program"):
        bind_unix(tmp_path / "a.sock", "")
    (tmp_path / "file").write_text("precious")
    with pytest.raises(Conflict):
        bind_unix(tmp_path / "file", "")
    assert (tmp_path / "file").read_text() == "precious"


def test_all_hosts_are_opened_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    opened = open_listeners(settings(tmp_path, {"hosts": [f"unix://{path}", "tcp://127.0.0.1:0"]}))
    unix, tcp = opened
    assert unix.host == UnixHost(path)
    assert isinstance(tcp.host, TcpHost)
    assert tcp.host.port
    socket.create_connection(("127.0.0.1", tcp.host.port)).close()
    for listener in opened:
        listener.close()
    assert not path.exists()


def test_one_that_fails_closes_those_before(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    with pytest.raises(InvalidArgument, match="root access"):
        open_listeners(settings(tmp_path, {"hosts": [f"unix://{path}", "tcp://0.0.0.0:0"]}))
    assert not path.exists()
    with pytest.raises(InvalidArgument, match="socket activation"):
        open_listeners(settings(tmp_path, {"hosts": [f"unix://{path}", "fd://"]}))
    assert not path.exists()


def test_a_taken_port(tmp_path: Path, stack: ExitStack) -> None:
    other = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    with pytest.raises(Conflict, match="Address already in use"):
        open_listeners(settings(tmp_path, {"hosts": [f"tcp://127.0.0.1:{other.getsockname()[1]}"]}))


def test_dockers_own_socket_is_served_only_where_it_is_free(
    tmp_path: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listeners, "DOCKER_SOCKET", tmp_path / "docker.sock")
    flags = {"hosts": [f"unix://{tmp_path}/a.sock"], "docker-compat": ["true"]}
    opened = open_listeners(settings(tmp_path, flags))
    assert [str(each) for each in opened] == [f"unix://{tmp_path}/a.sock", f"unix://{tmp_path}/docker.sock"]
    for each in opened:
        each.close()
    stack.enter_context(bind_unix(tmp_path / "docker.sock", ""))
    (only,) = open_listeners(settings(tmp_path, flags))
    only.close()
    assert "in use by another program" in caplog.text
