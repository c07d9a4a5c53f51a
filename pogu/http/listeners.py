"""Listening sockets: made, taken over from a parent process, and their names."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import grp
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pogu.errors import Conflict, InvalidArgument, NotFound, PoguError, Unavailable

_MAX_UNIX_PATH = 107  # sun_path of unix(7), without the closing NUL
_LOCK_TRIES = 250
_LOCK_PAUSE_SECONDS = 0.02


async def bind_unix(path: Path, mode: int, group: str | int | None) -> socket.socket:
    """A socket bound at `path` with these permissions, not yet listening.

    A socket file that nobody listens on is replaced. Raises Conflict if somebody does or if another kind of file is
    there, NotFound if the directory does not exist, InvalidArgument for an unknown group or a path that is too long.
    """
    if len(os.fsencode(path)) > _MAX_UNIX_PATH:
        raise InvalidArgument(f"the socket path {path} is longer than {_MAX_UNIX_PATH} bytes")
    gid = _group_id(group)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        async with _locked(path.parent):
            _remove_stale(path)
            # The file gets the socket's own mode (net/unix/af_unix.c), so it is never open to more than its owner
            # before its group and mode are set; a umask would be the whole process's.
            os.fchmod(sock.fileno(), 0o600)
            sock.bind(os.fspath(path))
            if gid is not None:
                os.chown(path, -1, gid)
            path.chmod(mode)
            # Listening begins under the lock too, or another daemon could take the file for a stale one.
            sock.listen(socket.SOMAXCONN)
    except OSError as error:
        sock.close()
        raise PoguError(f"cannot listen on {path}: {error.strerror}") from error
    except BaseException:
        sock.close()
        raise
    return sock


def _group_id(group: str | int | None) -> int | None:
    if group is None or isinstance(group, int):
        return group
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        if group.isdecimal():
            return int(group)
        raise InvalidArgument(f"the group {group} does not exist") from None


@asynccontextmanager
async def _locked(directory: Path) -> AsyncIterator[None]:
    """Hold the directory's lock, which keeps two daemons from replacing one stale socket at the same time."""
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise NotFound(f"cannot listen in {directory}: {error.strerror}") from error
    try:
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(_LOCK_PAUSE_SECONDS)
        else:
            raise Unavailable(f"cannot listen in {directory}: another process keeps it locked")
        yield
    finally:
        os.close(fd)


def _remove_stale(path: Path) -> None:
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise Conflict(f"cannot listen on {path}: a file that is not a socket is in the way")
    if _is_served(path):
        raise Conflict(f"cannot listen on {path}: another process listens there")
    path.unlink()


def _is_served(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        # EAGAIN means a full queue of connections, EPROTOTYPE a datagram socket: both are alive.
        return probe.connect_ex(os.fspath(path)) not in (errno.ECONNREFUSED, errno.ENOENT)


async def bind_tcp(host: str | None, port: int) -> list[socket.socket]:
    """Sockets bound to every address of `host` (all addresses if None or ""); port 0 picks one for all of them.

    Raises InvalidArgument for an unknown host, Conflict for a port in use, PoguError for another refusal.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise InvalidArgument(f"cannot listen on {host}: {error.strerror or error}") from error
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            sock = _tcp_socket(family)
            sockets.append(sock)
            sock.bind((address[0], port, *address[2:]))
            port = port or sock.getsockname()[1]
    except OSError as error:
        for sock in sockets:
            sock.close()
        kind = Conflict if error.errno == errno.EADDRINUSE else PoguError
        raise kind(f"cannot listen on {host or '*'}:{port}: {error.strerror}") from error
    return sockets


def _tcp_socket(family: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    _keep_alive(sock)
    return sock


def _keep_alive(sock: socket.socket) -> None:
    """Notice within two minutes that a client's machine is gone; accepted sockets inherit this (tcp(7))."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 15)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)


def adopt(fd: int) -> socket.socket:
    """The listening stream socket at an inherited descriptor (socket activation). Raises InvalidArgument if it is none.

    The descriptor belongs to the socket from then on, and is no longer inherited by processes started later.
    """
    try:
        sock = socket.socket(fileno=fd)
    except OSError as error:
        raise InvalidArgument(f"file descriptor {fd} is not a socket: {error.strerror}") from error
    if sock.type != socket.SOCK_STREAM or not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        sock.detach()
        raise InvalidArgument(f"file descriptor {fd} is not a listening stream socket")
    sock.set_inheritable(False)
    if sock.family in (socket.AF_INET, socket.AF_INET6):
        _keep_alive(sock)
    return sock


def address_of(sock: socket.socket) -> str:
    """The socket's name as `docker -H` takes it: `unix:///path` or `tcp://host:port`."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return f"unix://{os.fsdecode(name)}"
    host = f"[{name[0]}]" if sock.family == socket.AF_INET6 else name[0]
    return f"tcp://{host}:{name[1]}"
