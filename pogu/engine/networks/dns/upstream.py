"""Asking other DNS servers, as the question came: bytes in, bytes out."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import struct
from collections.abc import Sequence
from pathlib import Path

from pogu.engine.networks.resolver_files import parse_resolv_conf
from pogu.linux import namespaces

log = logging.getLogger(__name__)

_PORT = 53
_SECONDS = 2.0  # for each server
_MAXIMUM = 65535


class Upstream:
    """The servers behind one sandbox's resolver.

    Servers that the container was given are asked from its own namespace, as it would itself. The host's are asked
    from the host's: a server at 127.0.0.53 is the host's own, and no rule of forwarding stands in the way.
    """

    def __init__(self, sandbox: Path, servers: Sequence[str], host_file: Path = Path("/etc/resolv.conf")) -> None:
        self._sandbox = sandbox
        self._servers = list(servers)
        self._host_file = host_file

    async def ask(self, question: bytes, *, tcp: bool) -> bytes | None:
        """Return the first answer that any server gives, in order; None if there is none.

        An answer that says SERVFAIL or REFUSED counts only if no later server knows better.
        """
        second_best: bytes | None = None
        inside = bool(self._servers)
        for server in self._servers or self._host_servers():
            try:
                async with asyncio.timeout(_SECONDS):
                    sock = await self._open(server, tcp, inside)
                    answer = await (_by_tcp if tcp else _by_udp)(sock, server, question)
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as e:
                log.debug("DNS server %s: %s", server, e or type(e).__name__)
                continue
            if answer[3] & 0x0F not in (2, 5):
                return answer
            second_best = second_best or answer
        return second_best

    def _host_servers(self) -> list[str]:
        try:
            return parse_resolv_conf(self._host_file.read_text(errors="replace")).nameservers
        except OSError:
            return []

    async def _open(self, server: str, tcp: bool, inside: bool) -> socket.socket:
        family = socket.AF_INET6 if _version(server) == 6 else socket.AF_INET

        def make() -> socket.socket:
            kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
            return socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

        return await asyncio.to_thread(namespaces.inside, self._sandbox, make) if inside else make()


def _version(server: str) -> int:
    try:
        return ipaddress.ip_address(server.partition("%")[0]).version
    except ValueError as e:
        raise OSError(f"{server} is not an address") from e


async def _by_udp(sock: socket.socket, server: str, question: bytes) -> bytes:
    """A connected socket takes datagrams of this server alone; of those, the one with the question's ID."""
    loop = asyncio.get_running_loop()
    with sock:
        sock.connect((server, _PORT))
        await loop.sock_sendall(sock, question)
        while True:
            answer = await loop.sock_recv(sock, _MAXIMUM)
            if len(answer) >= 12 and answer[:2] == question[:2] and answer[2] & 0x80:
                return answer


async def _by_tcp(sock: socket.socket, server: str, question: bytes) -> bytes:
    try:
        await asyncio.get_running_loop().sock_connect(sock, (server, _PORT))
        reader, writer = await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()
        raise
    try:
        writer.write(struct.pack("!H", len(question)) + question)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        answer = await reader.readexactly(length)
        if length < 12:
            raise OSError("a short answer")
        return answer
    finally:
        writer.close()
