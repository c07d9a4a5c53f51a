"""The resolver of one sandbox: sockets inside its namespace, served by the daemon's event loop.

Port 53 of 127.0.0.11 is translated to the ports these sockets got, so that the container is free to run a DNS server
of its own on port 53 of every address (as Docker arranges it).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from pogu.engine.networks.dns import messages
from pogu.engine.networks.dns.messages import MalformedMessage, Query
from pogu.engine.networks.dns.names import Names
from pogu.engine.networks.dns.upstream import Upstream
from pogu.engine.networks.endpoint import Endpoint
from pogu.engine.networks.resolver_files import INTERNAL_NAMESERVER
from pogu.linux import namespaces
from pogu.linux.nftables import Nftables

log = logging.getLogger(__name__)

_TABLE = "ip pogu_resolver"
_MAXIMUM = 65535
_CONCURRENT = 256  # questions under way; more are dropped, and clients ask again
_IDLE_SECONDS = 10.0
_BACKLOG = 64


def _listen() -> tuple[socket.socket, socket.socket]:
    """Open the two sockets and translate port 53 to them; runs inside the sandbox."""
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        udp.bind((INTERNAL_NAMESERVER, 0))
        tcp.bind((INTERNAL_NAMESERVER, 0))
        tcp.listen(_BACKLOG)
        _redirect(udp.getsockname()[1], tcp.getsockname()[1])
    except BaseException:
        udp.close()
        tcp.close()
        raise
    return udp, tcp


def _redirect(udp_port: int, tcp_port: int) -> None:
    target = f"{_TABLE} output ip daddr {INTERNAL_NAMESERVER}"
    nft = Nftables()
    try:
        nft.apply(
            f"add table {_TABLE}\n"
            f"add chain {_TABLE} output {{ type nat hook output priority -100; policy accept; }}\n"
            f"flush chain {_TABLE} output\n"  # of an earlier daemon
            f"add rule {target} udp dport 53 dnat to {INTERNAL_NAMESERVER}:{udp_port}\n"
            f"add rule {target} tcp dport 53 dnat to {INTERNAL_NAMESERVER}:{tcp_port}"
        )
    finally:
        nft.close()


class ResolverServer:
    """Answers the questions of one sandbox until it is closed."""

    def __init__(
        self,
        names: Names,
        upstream: Upstream,
        endpoints: Callable[[], Sequence[Endpoint]],
        may_ask_others: Callable[[], bool],
        sockets: tuple[socket.socket, socket.socket],
    ) -> None:
        self._names = names
        self._upstream = upstream
        self._endpoints = endpoints
        self._may_ask_others = may_ask_others
        self._udp, self._tcp = sockets
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._udp.fileno(), self._receive)
        self._loop.add_reader(self._tcp.fileno(), self._accept)

    @staticmethod
    def open_sockets(sandbox: Path) -> tuple[socket.socket, socket.socket]:
        """Make the sockets for a server in a sandbox. Blocking.

        Raises:
            OSError, NftablesError: the kernel refuses.
        """
        return namespaces.inside(sandbox, _listen)

    def close(self) -> None:
        """Stop answering. Idempotent."""
        for sock in (self._udp, self._tcp):
            if sock.fileno() >= 0:
                self._loop.remove_reader(sock.fileno())
                sock.close()
        for task in self._tasks:
            task.cancel()

    async def answer(self, question: bytes, *, tcp: bool) -> bytes | None:
        """Return the answer to a question, None to something that is none."""
        try:
            query = messages.parse_query(question)
        except MalformedMessage:
            return None
        own = self._own_answer(query)
        if own is None:
            return await self._others_answer(query, question, tcp)
        return own if tcp else messages.truncated(own, messages.MAXIMUM_UDP)

    def _own_answer(self, query: Query) -> bytes | None:
        """Answer what concerns containers; None for what others must be asked."""
        if not query.is_standard or query.family != messages.IN:
            return None
        endpoints = self._endpoints()
        if query.kind == messages.PTR:
            address = query.reverse_address()
            name = self._names.reverse(address, endpoints) if address else None
            return messages.name_answer(query, name) if name else None
        addresses = self._names.resolve(query.name, endpoints)
        return None if addresses is None else messages.addresses_answer(query, addresses)

    async def _others_answer(self, query: Query, question: bytes, tcp: bool) -> bytes:
        if not self._may_ask_others():
            return messages.failure(query, messages.NXDOMAIN)
        return await self._upstream.ask(question, tcp=tcp) or messages.failure(query, messages.SERVFAIL)

    def _receive(self) -> None:
        try:
            question, client = self._udp.recvfrom(_MAXIMUM)
        except OSError:
            return
        self._start(self._reply(question, client))

    async def _reply(self, question: bytes, client: tuple[str, int]) -> None:
        answer = await self.answer(question, tcp=False)
        if answer is not None and self._udp.fileno() >= 0:
            try:
                self._udp.sendto(answer, client)
            except OSError:  # the client has gone, or the queue is full: it will ask again
                pass

    def _accept(self) -> None:
        try:
            client, _address = self._tcp.accept()
        except OSError:
            return
        client.setblocking(False)
        if not self._start(self._serve(client)):
            client.close()

    async def _serve(self, client: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=client)
        try:
            while True:
                async with asyncio.timeout(_IDLE_SECONDS):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    question = await reader.readexactly(length)
                answer = await self.answer(question, tcp=True)
                if answer is None:
                    return
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):  # the client has had enough
            return
        finally:
            writer.close()

    def _start(self, work: Coroutine[Any, Any, None]) -> bool:
        if len(self._tasks) >= _CONCURRENT:
            work.close()
            return False
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True
