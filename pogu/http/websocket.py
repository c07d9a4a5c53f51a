"""WebSocket (RFC 6455) on a taken-over connection; framing by wsproto, no extensions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import RemoteProtocolError, generate_accept_token

from pogu.errors import Cancelled, InvalidArgument
from pogu.http.parsing import RequestHead
from pogu.http.raw_stream import RawStream

_VERSION = "13"


def handshake(head: RequestHead, subprotocols: Iterable[str]) -> tuple[list[tuple[str, str]], str | None]:
    """The header fields that accept a handshake, and the chosen subprotocol. Raises InvalidArgument if it is none."""
    headers = head.headers
    if head.method != "GET" or (head.upgrade or "").lower() != "websocket":
        raise InvalidArgument("this is not a WebSocket handshake")
    if headers.get("sec-websocket-version") != _VERSION:
        raise InvalidArgument(f"only version {_VERSION} of the WebSocket protocol is spoken here")
    key = headers.get("sec-websocket-key", "").strip()
    if len(key) != 24 or not key.isascii():  # 16 bytes in base64
        raise InvalidArgument("the WebSocket handshake has no valid key")
    known = list(subprotocols)
    offered = [name.strip() for value in headers.get_all("sec-websocket-protocol") for name in value.split(",")]
    chosen = next((name for name in offered if name in known), None)
    fields = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", generate_accept_token(key.encode("ascii")).decode("ascii")),
    ]
    if chosen is not None:
        fields.append(("Sec-WebSocket-Protocol", chosen))
    return fields, chosen


class WebSocket:
    """An open WebSocket. One task calls `recv`; `send`, `ping` and `close` may be called from others.

    Pings are answered, and the closing handshake is done, while someone waits in `recv`.
    """

    def __init__(self, stream: RawStream, subprotocol: str | None, max_message_bytes: int) -> None:
        self.subprotocol = subprotocol
        self.close_code: int | None = None
        """The code the socket was closed with; 1005 if the client named none, 1006 if the connection just ended."""
        self._stream = stream
        self._max = max_message_bytes
        self._protocol = Connection(ConnectionType.SERVER)
        self._events: list[Event] = []
        self._parts: list[str | bytes] = []
        self._size = 0

    @property
    def closed(self) -> asyncio.Event:
        """Set when the connection is gone."""
        return self._stream.closed

    async def recv(self) -> bytes | str | None:
        """The next whole message: bytes if binary, str if text; None once the socket is closed from either side."""
        while self.close_code is None:
            if not self._events:
                await self._receive()
            elif (message := await self._handle(self._events.pop(0))) is not None:
                return message
        return None

    async def send(self, message: bytes | str) -> None:
        """Send one message; waits while the client reads too slowly. Raises Cancelled if the socket is closed."""
        event = TextMessage(data=message) if isinstance(message, str) else BytesMessage(data=message)
        await self._send(event)

    async def ping(self, payload: bytes = b"") -> None:
        """Send a ping (up to 125 bytes), which keeps proxies from closing a silent connection."""
        await self._send(Ping(payload))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Do the closing handshake from our side; waits for the other's end, not for long. Repeating is harmless."""
        if self._protocol.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            try:
                await self._send(CloseConnection(code, reason or None))
            except Cancelled:
                pass
        self._fail(code)
        await self._stream.close()

    async def _send(self, event: Event) -> None:
        if self._protocol.state is not ConnectionState.OPEN and not isinstance(event, CloseConnection):
            raise Cancelled("the WebSocket is closed")
        await self._stream.write(self._protocol.send(event))

    async def _receive(self) -> None:
        data = await self._stream.read()
        if not data:
            self._fail(CloseReason.ABNORMAL_CLOSURE)
            return
        try:
            self._protocol.receive_data(data)
            self._events.extend(self._protocol.events())
        except RemoteProtocolError:
            await self._refuse(CloseReason.PROTOCOL_ERROR)

    async def _handle(self, event: Event) -> bytes | str | None:
        if isinstance(event, Message):
            return await self._add(event)
        if isinstance(event, Ping):
            await self._reply(event.response())
        elif isinstance(event, CloseConnection):
            self._fail(event.code)
            await self._reply(event.response())
            await self._stream.close()
        return None

    async def _reply(self, event: Pong | CloseConnection) -> None:
        if self._protocol.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
            try:
                await self._stream.write(self._protocol.send(event))
            except Cancelled:
                pass  # the end will be read next

    async def _add(self, part: Message[Any]) -> bytes | str | None:
        self._size += len(part.data) if isinstance(part.data, bytes | bytearray) else len(part.data.encode())
        if self._size > self._max:
            await self._refuse(CloseReason.MESSAGE_TOO_BIG)
            return None
        self._parts.append(part.data if isinstance(part.data, str) else bytes(part.data))
        if not part.message_finished:
            return None
        parts, self._parts, self._size = self._parts, [], 0
        if isinstance(part.data, str):
            return "".join(piece for piece in parts if isinstance(piece, str))
        return b"".join(piece for piece in parts if isinstance(piece, bytes))

    async def _refuse(self, code: CloseReason) -> None:
        self._fail(code)
        await self.close(code)

    def _fail(self, code: int) -> None:
        if self.close_code is None:
            self.close_code = int(code)
        self._events.clear()
        self._parts.clear()
