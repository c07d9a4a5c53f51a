"""Who is at the other end of a connection, and whether it is still there."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
from dataclasses import dataclass
from typing import Any, Literal

_UCRED = struct.Struct("=iII")  # struct ucred of unix(7): pid, uid, gid


@dataclass(frozen=True, slots=True)
class Peer:
    """The client of a connection.

    `pid`, `uid` and `gid` are those of the process that connected to a local socket (SO_PEERCRED), seen from this
    process's namespaces; None for others. `address` is "host:port", or "" for a local socket. `certificate` is what
    `ssl.SSLSocket.getpeercert` returns for a client that showed a verified one.
    """

    kind: Literal["unix", "tcp", "tls"]
    address: str = ""
    pid: int | None = None
    uid: int | None = None
    gid: int | None = None
    certificate: dict[str, Any] | None = None


def identify(transport: asyncio.BaseTransport) -> Peer:
    """The peer of a connected transport."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_UNIX:
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        pid, uid, gid = _UCRED.unpack(credentials)
        return Peer("unix", pid=pid, uid=uid, gid=gid)
    address = _address(transport.get_extra_info("peername"))
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return Peer("tcp", address)
    return Peer("tls", address, certificate=tls.getpeercert() or None)


def _address(peername: object) -> str:
    if not isinstance(peername, tuple) or len(peername) < 2:
        return ""  # it has gone already
    host, port = peername[0], peername[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def has_hung_up(transport: asyncio.BaseTransport) -> bool:
    """Whether the peer has closed both directions, not only its sending one.

    The end of a stream looks the same for both. A local socket tells at once (POLLHUP, unix(7)); TCP only after the
    peer's kernel has answered something of ours with a reset, which keep-alive probes bring about.
    """
    sock = transport.get_extra_info("socket")
    fd = -1 if sock is None else sock.fileno()
    if fd < 0:
        return True
    poller = select.poll()
    poller.register(fd, 0)
    return bool(poller.poll(0))
