"""Requests and responses as handlers see them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pogu.errors import TooLarge
from pogu.http.multimaps import Headers, Query
from pogu.http.parsing import RequestHead
from pogu.http.peers import Peer
from pogu.http.targets import plain_path, routing_path, split_target

if TYPE_CHECKING:
    from pogu.http.raw_stream import RawStream
    from pogu.http.websocket import WebSocket


@dataclass(slots=True)
class Response:
    """What a handler answers.

    `headers` need not say anything about length, coding, persistence or date: the connection does. An iterator body is
    sent chunked, each piece at once, and is closed (`aclose`) when it ends, fails or the client goes away; with a
    Content-Length header of one's own it must yield exactly that many bytes. HEAD requests get the header only.
    """

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""


class Exchange(Protocol):
    """What a request needs of the connection it came in on."""

    async def body_piece(self) -> bytes:
        """The next piece of the request body, b"" at its end."""

    async def take_over(self, status: int, headers: list[tuple[str, str]], reason: str | None) -> RawStream:
        """Answer and hand the connection over."""

    async def websocket(self, subprotocols: Iterable[str]) -> WebSocket:
        """Accept a WebSocket handshake."""

    def allow_cancelling(self) -> None:
        """Cancel the handler once the client is gone."""

    @property
    def taken_over(self) -> bool:
        """Whether the connection has been handed over."""

    @property
    def buffered_body_bytes(self) -> int:
        """The limit for `read_body` without one."""


class Request:
    """One request. `path` is decoded; `query` decodes when first used; `params` are those of the matched route.

    The body is read from the client only as fast as it is consumed, and only once.
    """

    __slots__ = (
        "_exchange",
        "head",
        "headers",
        "http_version",
        "method",
        "params",
        "peer",
        "query",
        "raw_target",
        "route_path",
    )

    def __init__(self, head: RequestHead, peer: Peer, exchange: Exchange) -> None:
        self.head = head
        self.method = head.method
        self.raw_target = head.target
        self.headers: Headers = head.headers
        self.http_version = head.version
        self.peer = peer
        self.params: dict[str, str] = {}
        self._exchange = exchange
        # CONNECT names a host, not a path: such a target is matched whole, by no route.
        raw_path, raw_query = split_target(head.target) or (head.target, "")
        self.route_path = routing_path(raw_path)
        self.query = Query(raw_query)

    @property
    def path(self) -> str:
        """The decoded path, for people and logs; the router uses the form that keeps encoded slashes apart."""
        return plain_path(self.route_path)

    async def stream_body(self) -> AsyncIterator[bytes]:
        """The body in pieces as they arrive; a waiting client (`Expect: 100-continue`) is asked for it first.

        Raises InvalidArgument for bad framing, TooLarge over the server's limit, and Cancelled if the client goes away
        before the end: a body that ends is whole.
        """
        while piece := await self._exchange.body_piece():
            yield piece

    async def read_body(self, limit: int | None = None) -> bytes:
        """The whole body. Raises TooLarge over `limit` bytes (default: the server's), else like `stream_body`."""
        most = self._exchange.buffered_body_bytes if limit is None else limit
        if self.head.length is not None and self.head.length > most:
            raise TooLarge(f"the request body is larger than {most} bytes")
        pieces: list[bytes] = []
        size = 0
        while piece := await self._exchange.body_piece():
            size += len(piece)
            if size > most:
                raise TooLarge(f"the request body is larger than {most} bytes")
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def take_over(
        self, status: int = 101, headers: Iterable[tuple[str, str]] = (), reason: str | None = None
    ) -> RawStream:
        """Answer with a status line and header, then use the connection as a plain byte stream.

        With 101, `Connection: Upgrade` and the client's own `Upgrade` are added unless `headers` has them. What is left
        of a sized request body is skipped first; everything behind it, even if it came in the same packet, is the
        stream's. The stream is closed when the handler returns, and the handler must then return None.
        Raises Cancelled if the client is gone.
        """
        return await self._exchange.take_over(status, list(headers), reason)

    async def websocket(self, subprotocols: Iterable[str] = ()) -> WebSocket:
        """Accept a WebSocket handshake (RFC 6455), with the client's most preferred of the given subprotocols.

        Raises InvalidArgument if this is no such handshake; the handler must return None after success.
        """
        return await self._exchange.websocket(subprotocols)

    @property
    def taken_over(self) -> bool:
        """Whether the connection has become a raw stream or WebSocket, so that no answer can be sent."""
        return self._exchange.taken_over

    def cancel_on_disconnect(self) -> None:
        """From now on, cancel the handler when the client leaves before the answer has begun."""
        self._exchange.allow_cancelling()

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.raw_target}>"


Handler = Callable[[Request], Awaitable[Response | None]]
"""Answers a request; None after it has taken the connection over."""
