"""One request and its answer on a connection: running the handler, the body in, the response out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from pogu.errors import Cancelled, PoguError
from pogu.http import serialising
from pogu.http.failures import error_response, plain_error
from pogu.http.files import FileBody
from pogu.http.inbound import Inbound
from pogu.http.limits import Limits
from pogu.http.messages import Handler, Request, Response
from pogu.http.outbound import Outbound
from pogu.http.parsing import RequestHead
from pogu.http.peers import Peer
from pogu.http.raw_stream import RawStream
from pogu.http.websocket import WebSocket, handshake

log = logging.getLogger(__name__)

MAX_SKIPPED_BODY = 64 * 1024
"""An unread request body of at most this size is read and dropped to keep the connection; for more it is closed."""
_JOINED_BODY = 128 * 1024  # larger response bodies are not copied to be sent together with their header


class Line(Protocol):
    """What an exchange needs of its connection."""

    peer: Peer
    limits: Limits
    outbound: Outbound

    @property
    def open_for_more(self) -> bool:
        """Whether another request may follow on this connection."""

    @property
    def client_gone(self) -> bool:
        """Whether the client has left, as far as can be told."""

    def body_remaining(self) -> int | None:
        """Bytes of the request body not received yet; None if unknown."""

    def become_raw(self) -> RawStream:
        """Stop parsing HTTP; everything received and not parsed belongs to the stream."""

    def abort(self) -> None:
        """Break the connection."""

    async def send_file(self, body: FileBody) -> bool:
        """Send a file past the transport, if the connection allows it; False if not, and nothing has been sent."""


class Exchange:
    """See the module. `body` is None for a request without one."""

    __slots__ = (
        "_cancellable",
        "_cancelled",
        "_line",
        "_started",
        "_streaming",
        "_waiting_for_continue",
        "body",
        "head",
        "keep_alive",
        "raw",
        "task",
    )  # fmt: skip

    def __init__(self, line: Line, head: RequestHead, body: Inbound | None) -> None:
        self._line = line
        self.head = head
        self.body = body
        self.task: asyncio.Task[None] | None = None
        self.raw: RawStream | None = None
        self.keep_alive = head.keep_alive
        self._waiting_for_continue = head.expects_continue and body is not None
        self._cancellable = False
        self._streaming = False
        self._started = False
        self._cancelled = False

    # --- what the connection calls ---

    async def run(self, handler: Handler) -> None:
        """Have the request answered. Never raises anything but CancelledError."""
        try:
            # The request refers to its exchange and never the other way, or every request would wait for the collector.
            response = await self._answer(handler, Request(self.head, self._line.peer, self))
            if self.raw is not None:
                await self.raw.close()
            elif response is not None:
                await self._respond_or_fail(response)
        except Cancelled:
            self._line.abort()  # the client has gone in the middle of its answer
        except asyncio.CancelledError:
            self._line.abort()
            raise
        except Exception as error:
            # A client's own fault (a bad body read while the answer went out) is no reason for alarm.
            expected = isinstance(error, PoguError) and type(error) is not PoguError
            log.log(
                logging.INFO if expected else logging.ERROR,
                "the answer to %r broke off: %s",
                self.head,
                error,
                exc_info=not expected,
            )
            self._line.abort()

    def client_left(self) -> None:
        """The client is gone: cancel whoever works for it alone."""
        if self.raw is None and (self._cancellable or self._streaming):
            self.cancel()

    def cancel(self) -> None:
        """Cancel the handler, once: a second cancellation would break into the first one's clean-up."""
        if self.task is not None and not self._cancelled:
            self._cancelled = True
            self.task.cancel()

    @property
    def cancellable(self) -> bool:
        """Whether the handler asked to be cancelled when the client leaves."""
        return self._cancellable

    # --- what the request calls ---

    @property
    def buffered_body_bytes(self) -> int:
        """The limit for bodies collected in memory."""
        return self._line.limits.buffered_body_bytes

    @property
    def taken_over(self) -> bool:
        """Whether the connection has been handed over."""
        return self.raw is not None

    def allow_cancelling(self) -> None:
        """Cancel the handler once the client is gone."""
        self._cancellable = True
        if self._line.client_gone:
            self.client_left()

    async def body_piece(self) -> bytes:
        """The next piece of the body, b"" at its end; a client that waits to be asked for it is asked."""
        if self.body is None:
            return b""
        self._ask_for_body()
        return await self.body.get()

    def _ask_for_body(self) -> None:
        if self._waiting_for_continue:
            self._waiting_for_continue = False
            if self._line.body_remaining() != 0 and not self._started:
                self._line.outbound.write(serialising.CONTINUE)

    async def take_over(self, status: int, headers: list[tuple[str, str]], reason: str | None) -> RawStream:
        """See Request.take_over."""
        if self.raw is not None or self._started:
            raise PoguError("the connection has been taken over, or its answer begun, already")
        if status == 101:
            headers = self._with_upgrade(headers)
        answer = serialising.head(status, headers, reason=reason)
        await self._skip_sized_body()
        self._line.outbound.write(answer)
        self.raw = self._line.become_raw()
        return self.raw

    def _with_upgrade(self, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        names = {name.lower() for name, _ in headers}
        added = []
        if "connection" not in names:
            added.append(("Connection", "Upgrade"))
        if "upgrade" not in names and self.head.upgrade:
            added.append(("Upgrade", self.head.upgrade))
        return [*headers, *added]

    async def _skip_sized_body(self) -> None:
        # A chunked body of which the client does not send the end before it sees the answer (dockerode's attach) must
        # not be waited for: it has ended here, and raw bytes follow.
        if self.head.length is not None:
            while await self.body_piece():
                pass

    async def websocket(self, subprotocols: Iterable[str]) -> WebSocket:
        """See Request.websocket."""
        fields, chosen = handshake(self.head, subprotocols)
        stream = await self.take_over(101, fields, None)
        return WebSocket(stream, chosen, self._line.limits.websocket_message_bytes)

    # --- the answer ---

    async def _answer(self, handler: Handler, request: Request) -> Response | None:
        try:
            response = await handler(request)
        except Exception as error:
            if self.raw is not None:
                log.exception("the handler of %r failed after taking the connection over", self.head)
                self.raw.abort()
                return None
            return error_response(error, self.head)
        if response is None and self.raw is None:
            log.error("the handler of %r has given no answer", self.head)
            return plain_error(500, "internal error")
        if response is not None and self.raw is not None:
            log.error("the handler of %r answered after taking the connection over", self.head)
        return response

    async def _respond_or_fail(self, response: Response) -> None:
        try:
            await self._respond(response)
        except Cancelled:
            raise
        except Exception as error:
            if self._started:
                raise
            await self._respond(error_response(error, self.head))

    async def _respond(self, response: Response) -> None:
        body = response.body
        if isinstance(body, bytes):
            self._send_whole(response, body)
            if self._line.outbound.blocked:
                await self._line.outbound.drain()
            return
        self._streaming = True
        try:
            await self._send_stream(response, body)
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()

    def _send_whole(self, response: Response, body: bytes) -> None:
        without_body = serialising.has_no_body(response.status)
        declared = any(name.lower() == "content-length" for name, _ in response.headers)
        framing = "" if without_body or declared else f"Content-Length: {len(body)}\r\n"
        if declared and not without_body and self.head.method != "HEAD":
            self._check_declared(response, len(body))
        head = self._head(response, framing)
        self._started = True
        if without_body or self.head.method == "HEAD":
            self._line.outbound.write(head)
        elif len(body) <= _JOINED_BODY:
            self._line.outbound.write(head + body)
        else:
            self._line.outbound.write(head)
            self._line.outbound.write(body)

    def _check_declared(self, response: Response, length: int) -> None:
        if _declared_length(response) != length:
            raise PoguError("the answer's Content-Length differs from its body")

    async def _send_stream(self, response: Response, body: AsyncIterator[bytes]) -> None:
        outbound = self._line.outbound
        length = _declared_length(response)
        chunked = length is None and self.head.version == "1.1" and not serialising.has_no_body(response.status)
        if length is None and not chunked:
            self.keep_alive = False  # the end of the connection is the end of the body
        if response.status < 300:
            self._ask_for_body()  # the iterator may read it; once the answer has begun it is too late to ask
        head = self._head(response, "Transfer-Encoding: chunked\r\n" if chunked else "")
        self._started = True
        outbound.write(head)
        if self.head.method == "HEAD" or serialising.has_no_body(response.status):
            return
        if isinstance(body, FileBody) and length == body.length and await self._line.send_file(body):
            self.keep_alive = self.keep_alive and self._body_is_disposable()
            return
        sent = 0
        async for piece in body:
            if not piece:
                continue
            sent += len(piece)
            if length is not None and sent > length:
                raise PoguError("the answer's body is longer than its Content-Length")
            outbound.write(serialising.chunk(piece) if chunked else piece)
            if outbound.blocked:
                await outbound.drain()
        if length is not None and sent < length:
            raise PoguError("the answer's body is shorter than its Content-Length")
        if chunked:
            outbound.write(serialising.LAST_CHUNK)
        self.keep_alive = self.keep_alive and self._body_is_disposable()

    def _head(self, response: Response, framing: str) -> bytes:
        """The header; decides whether the connection is kept."""
        names = [name.lower() for name, _ in response.headers]
        # While an iterator's answer goes out, the request may still come in: that is judged at the end.
        disposable = not isinstance(response.body, bytes) or self._body_is_disposable()
        self.keep_alive = self.keep_alive and self._line.open_for_more and disposable
        if "date" not in names:
            framing += serialising.date_line()
        if "connection" in names:
            wanted = [value.lower() for name, value in response.headers if name.lower() == "connection"]
            self.keep_alive = self.keep_alive and "close" not in wanted
        elif not self.keep_alive:
            framing += "Connection: close\r\n"
        elif self.head.version == "1.0":
            framing += "Connection: keep-alive\r\n"
        return serialising.head(response.status, response.headers, framing)

    def _body_is_disposable(self) -> bool:
        """Whether what is left of the request body is little enough to be read and dropped."""
        remaining = self._line.body_remaining()
        if remaining == 0:
            return True
        # A client that was not asked for its body may send it or not: what follows could not be told apart.
        return remaining is not None and remaining <= MAX_SKIPPED_BODY and not self._waiting_for_continue


def _declared_length(response: Response) -> int | None:
    for name, value in response.headers:
        if name.lower() == "content-length":
            return int(value)
    return None
