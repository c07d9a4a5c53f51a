from __future__ import annotations

import asyncio
import grp
import os
import socket
import stat
from pathlib import Path

import pytest

from pogu.errors import Conflict, InvalidArgument, NotFound
from pogu.http import listeners


async def bound(path: Path, mode: int = 0o660, group: str | int | None = None) -> os.stat_result:
    sock = await listeners.bind_unix(path, mode, group)
    try:
        return path.stat()
    finally:
        sock.close()


async def test_mode_and_group(short_dir: Path) -> None:
    group = grp.getgrall()[1]
    status = await bound(short_dir / "a", 0o620, group.gr_name)
    assert stat.S_ISSOCK(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o620
    assert status.st_gid == group.gr_gid
    assert (await bound(short_dir / "b", 0o666, 4242)).st_gid == 4242
    assert (await bound(short_dir / "c", 0o600, "4243")).st_gid == 4243


async def test_a_file_nobody_listens_on_is_replaced(short_dir: Path) -> None:
    path = short_dir / "stale"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    sock = await listeners.bind_unix(path, 0o600, None)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    sock.close()


async def test_a_file_somebody_listens_on_is_not(short_dir: Path) -> None:
    path = short_dir / "alive"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(0)
        with pytest.raises(Conflict, match="another process listens there"):
            await listeners.bind_unix(path, 0o600, None)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for client in waiting:  # its queue is full: still alive
            client.setblocking(False)
            client.connect_ex(str(path))
        with pytest.raises(Conflict, match="another process listens there"):
            await listeners.bind_unix(path, 0o600, None)
        for client in waiting:
            client.close()
    assert path.exists()


async def test_of_two_at_once_one_wins(short_dir: Path) -> None:
    path = short_dir / "raced"
    results = await asyncio.gather(*(listeners.bind_unix(path, 0o600, None) for _ in range(5)), return_exceptions=True)
    sockets = [result for result in results if isinstance(result, socket.socket)]
    assert len(sockets) == 1
    assert all(isinstance(result, Conflict) for result in results if result is not sockets[0])
    sockets[0].close()


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
async def test_other_files_are_not_replaced(short_dir: Path, kind: str) -> None:
    path = short_dir / "precious"
    if kind == "file":
        path.write_text("precious")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("/etc/passwd")
    with pytest.raises(Conflict, match="not a socket"):
        await listeners.bind_unix(path, 0o600, None)


async def test_what_cannot_be_bound(short_dir: Path) -> None:
    with pytest.raises(NotFound, match="No such file or directory"):
        await listeners.bind_unix(short_dir / "no" / "where", 0o600, None)
    with pytest.raises(InvalidArgument, match="longer than 107 bytes"):
        await listeners.bind_unix(short_dir / ("x" * 108), 0o600, None)
    with pytest.raises(InvalidArgument, match="group nobody-has-it does not exist"):
        await listeners.bind_unix(short_dir / "a", 0o600, "nobody-has-it")


async def test_tcp_addresses() -> None:
    (sock,) = await listeners.bind_tcp("127.0.0.1", 0)
    sock.listen()
    port = sock.getsockname()[1]
    assert listeners.address_of(sock) == f"tcp://127.0.0.1:{port}"
    with pytest.raises(Conflict, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
        await listeners.bind_tcp("127.0.0.1", port)
    sock.close()


async def test_every_address_has_the_same_port() -> None:
    sockets = await listeners.bind_tcp(None, 0)
    assert len({sock.getsockname()[1] for sock in sockets}) == 1
    for sock in sockets:
        sock.close()


async def test_an_unknown_host() -> None:
    with pytest.raises(InvalidArgument, match=r"cannot listen on no-such-host\.invalid"):
        await listeners.bind_tcp("no-such-host.invalid", 0)


def test_only_listening_stream_sockets_are_adopted(short_dir: Path) -> None:
    fd = os.open(short_dir, os.O_RDONLY)
    with pytest.raises(InvalidArgument, match="is not a socket"):
        listeners.adopt(fd)
    os.close(fd)
    with pytest.raises(InvalidArgument, match="is not a socket"):
        listeners.adopt(987654)
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            with pytest.raises(InvalidArgument, match="not a listening stream socket"):
                listeners.adopt(sock.fileno())
            sock.getsockname()  # it is still open


def test_an_adopted_socket_is_not_inherited_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        sock.set_inheritable(True)
        adopted = listeners.adopt(os.dup(sock.fileno()))
        assert not adopted.get_inheritable()
        assert adopted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        adopted.close()
