"""A client that puts exactly the given bytes on the wire, and reads answers with a parser that is not ours (h11)."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from dataclasses import dataclass, field
from typing import Any

import h11


@dataclass
class Answer:
    """One response: header names in lower case; `asked_to_continue` counts the 100s in front of it."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    asked_to_continue: int = 0


@dataclass
class Wire:
    """One connection, plain or TLS. TLS runs on memory buffers, since only so can one direction be ended."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    tls: ssl.SSLObject | None = None
    incoming: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    outgoing: ssl.MemoryBIO = field(default_factory=ssl.MemoryBIO)
    buffered: bytes = b""

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                self.incoming.write(await self.reader.read(65536) or self._gone())
                continue
            finally:
                await self._flush()
            return

    def _gone(self) -> bytes:
        raise ConnectionResetError("the server closed the connection during the handshake")

    async def _flush(self) -> None:
        if self.outgoing.pending:
            self.writer.write(self.outgoing.read())
        await self.writer.drain()

    async def send(self, data: bytes) -> None:
        if self.tls is None:
            self.writer.write(data)
        else:
            view = memoryview(data)
            while view:
                view = view[self.tls.write(view) :]
        await self._flush()

    async def end(self) -> None:
        """End our direction only."""
        if self.tls is None:
            self.writer.write_eof()
            return
        try:  # OpenSSL takes unread data for a violation while it shuts down
            while data := self.tls.read(65536):
                self.buffered += data
        except ssl.SSLError:
            pass
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        await self._flush()

    async def read(self) -> bytes:
        """Whatever comes next; b"" at the end."""
        if self.buffered:
            data, self.buffered = self.buffered, b""
            return data
        if self.tls is None:
            return await self.reader.read(65536)
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                data = await self.reader.read(65536)
                if not data:
                    return b""
                self.incoming.write(data)
            except ssl.SSLZeroReturnError:
                return b""

    async def read_all(self) -> bytes:
        """Everything up to the server's end."""
        pieces = []
        async with asyncio.timeout(20):
            while data := await self.read():
                pieces.append(data)
        return b"".join(pieces)

    async def read_until(self, end: bytes) -> bytes:
        """Everything up to and including `end`."""
        data = b""
        async with asyncio.timeout(20):
            while end not in data:
                more = await self.read()
                if not more:
                    raise EOFError(f"the server ended after {data!r}")
                data += more
        found, _, rest = data.partition(end)
        self.buffered = rest
        return found + end

    async def answer(self, method: str = "GET") -> Answer:
        """The next response."""
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method=method, target="/", headers=[("Host", "x"), ("Content-Length", "0")]))
        parser.send(h11.EndOfMessage())
        answer = None
        asked = 0
        async with asyncio.timeout(20):
            while True:
                event: Any = parser.next_event()
                if event is h11.NEED_DATA:
                    parser.receive_data(await self.read())
                elif isinstance(event, h11.InformationalResponse):
                    asked += 1
                elif isinstance(event, h11.Response):
                    headers = {name.decode(): value.decode("latin-1") for name, value in event.headers}
                    answer = Answer(event.status_code, headers, asked_to_continue=asked)
                elif isinstance(event, h11.Data):
                    assert answer is not None
                    answer.body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    assert answer is not None
                    self.buffered = parser.trailing_data[0]
                    return answer
                else:
                    raise EOFError(f"the server ended instead of answering: {event}")

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """Leave without a word: a reset over TCP, a close with unread input over a local socket."""
        sock = self.writer.get_extra_info("socket")
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def request(target: str = "/", *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: x", *fields]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
