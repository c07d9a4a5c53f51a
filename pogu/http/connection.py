"""One client's connection: the protocol object between the event loop and the exchanges.

Requests are answered one after another; what a client sends ahead stays unparsed until its turn, so that any request
may turn the connection into another protocol. The same class serves local sockets, TCP and (through `tls.py`) TLS.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
from typing import Protocol, cast

from pogu.errors import Cancelled, PoguError
from pogu.http import serialising
from pogu.http.deadline import Deadline
from pogu.http.exchanges import Exchange
from pogu.http.failures import plain_error
from pogu.http.files import FileBody
from pogu.http.inbound import Inbound
from pogu.http.limits import Limits
from pogu.http.messages import Handler
from pogu.http.outbound import GONE, Outbound
from pogu.http.parsing import MalformedRequest, RequestParser
from pogu.http.peers import Peer, has_hung_up, identify
from pogu.http.raw_stream import RawStream

log = logging.getLogger(__name__)

_HANG_UP_CHECK_SECONDS = 1.0


class Owner(Protocol):
    """The server, as its connections see it."""

    handler: Handler
    limits: Limits

    @property
    def draining(self) -> bool:
        """Whether connections are to end after their current answer."""

    def admit(self, connection: Connection) -> bool:
        """Count a new connection; False if there are too many."""

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""


class Connection(asyncio.Protocol):
    """See the module. Implements `exchanges.Line`."""

    peer: Peer
    outbound: Outbound

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self.limits = owner.limits
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._parser = RequestParser(owner.limits)
        self._deadline = Deadline(self._loop, self._expired)
        self._exchange: Exchange | None = None
        self._inbound: Inbound | None = None  # the current request's body, or the raw stream's input
        self._raw: RawStream | None = None
        self._head_begun = False  # its deadline runs
        self._half_closed = False
        self._lingering = False
        self._discarding = False  # the rest of an answered request's body is on its way
        self._overfull = False  # reading is paused because of requests sent ahead
        self._hang_up_check: asyncio.TimerHandle | None = None

    # --- what the event loop calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=self.limits.outbound_buffer_bytes)
        self.outbound = Outbound(self._transport, self.limits.outbound_buffer_bytes)
        if not self._owner.admit(self):
            self._refuse(503, "too many connections are open")
            return
        try:
            self.peer = identify(transport)
        except OSError:
            self._transport.abort()
            return
        self._deadline.set(self.limits.header_seconds)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._lingering:
            return
        if self._raw is not None:
            cast("Inbound", self._inbound).feed(data)
        else:
            self._parser.receive(data)
            if self._exchange is None:
                self._advance()
            elif self._inbound is not None:
                self._pump_body()
            else:
                self._hold_back()

    def eof_received(self) -> bool:
        """The client has ended its direction. It may still wait for an answer: True keeps ours open."""
        self._half_closed = True
        if self._lingering or self._exchange is None:
            return False
        if self._inbound is not None:
            self._inbound.end(None if self._raw is not None else Cancelled(GONE))
        self._watch_for_hang_up()
        # Over TCP a client that has left looks like one that only has nothing more to say; whoever asked for work that
        # may take forever is taken to have left, as Go's server does it.
        if self._exchange.cancellable and self.client_gone:
            self._exchange.client_left()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone in both directions."""
        self._deadline.close()
        if self._hang_up_check is not None:
            self._hang_up_check.cancel()
        self.outbound.lose()
        if self._inbound is not None:
            self._inbound.end(None if self._raw is not None else Cancelled(GONE))
        if self._raw is not None:
            self._raw.closed.set()
        self._parser.close()
        task = None if self._exchange is None else self._exchange.task
        if self._exchange is None or task is None:
            self._owner.forget(self)
        else:
            self._exchange.client_left()
            task.add_done_callback(lambda _: self._owner.forget(self))

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self.outbound.block()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.outbound.unblock()

    # --- what the server calls ---

    def drain(self) -> None:
        """End as soon as nothing is being answered."""
        if self._exchange is None and not self._discarding:
            self._transport.close()

    def cancel(self) -> None:
        """Break off whatever is going on."""
        if self._exchange is not None:
            self._exchange.cancel()
        self.abort()

    # --- what the exchange calls ---

    @property
    def open_for_more(self) -> bool:
        """Whether another request may follow."""
        sent_ahead = self._parser.message_complete and self._parser.pending
        return not self._owner.draining and bool(not self._half_closed or sent_ahead)

    @property
    def client_gone(self) -> bool:
        """Whether the client has left, as far as can be told."""
        return self._transport.is_closing() or (self._half_closed and self.peer.kind != "unix")

    def body_remaining(self) -> int | None:
        """Bytes of the request body not received yet; None if unknown."""
        return self._parser.body_remaining

    def become_raw(self) -> RawStream:
        """Stop parsing; what has been received and not parsed is the stream's first input."""
        self._drop_body()
        self._release()
        inbound = self._new_inbound()
        inbound.feed(self._parser.take_rest())
        if self._half_closed:
            inbound.end()
        self._inbound = inbound
        self._raw = RawStream(
            inbound, self.outbound, write_eof=self._write_eof, finish=self._finish_raw, abort=self.abort
        )
        return self._raw

    async def send_file(self, body: FileBody) -> bool:
        """Send a file with sendfile(2), if this is a plain socket; what was written before has gone out first."""
        sock = self._transport.get_extra_info("socket")
        if sock is None or self.peer.kind == "tls":
            return False
        await self.outbound.flush()
        fd = os.dup(sock.fileno())  # the loop does not let others wait for a transport's own descriptor
        try:
            await body.send_to(fd)
        finally:
            os.close(fd)
        return True

    def abort(self) -> None:
        """Break the connection at once."""
        self._transport.abort()

    # --- requests ---

    def _advance(self) -> None:
        """Start answering the next request, if it is there."""
        try:
            if self._discarding and not self._discard_body():
                return
            head = self._parser.next_head()
        except PoguError as error:
            self._refuse(error.status if isinstance(error, MalformedRequest) else 400, error.message)
            return
        if head is None:
            self._await_head()
            return
        self._deadline.clear()
        self._head_begun = False
        if head.length != 0:
            self._inbound = self._new_inbound()
        self._exchange = exchange = Exchange(self, head, self._inbound)
        if self._inbound is not None:
            self._pump_body()
        if self._inbound is not None and self._half_closed:
            self._inbound.end(Cancelled(GONE))  # the end came while an earlier request was being answered
        exchange.task = self._loop.create_task(self._serve(exchange), context=self._context.copy())

    def _await_head(self) -> None:
        if self._half_closed or self._owner.draining:
            self._transport.close()
        elif not self._parser.in_head:
            self._deadline.set(self.limits.idle_seconds)
        elif not self._head_begun:
            self._head_begun = True  # every further byte of it does not buy more time
            self._deadline.set(self.limits.header_seconds)

    async def _serve(self, exchange: Exchange) -> None:
        try:
            await exchange.run(self._owner.handler)
        finally:
            self._exchange = None
            self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        """After an answer: go on with the next request, or end the connection without losing the answer."""
        if self._transport.is_closing() or self._raw is not None:
            return
        self._drop_body(exchange)
        self._discarding = not self._parser.message_complete
        if not exchange.keep_alive:
            self._end()
            return
        self._release()
        if self._discarding:
            self._deadline.set(self.limits.header_seconds)
        self._advance()

    def _drop_body(self, exchange: Exchange | None = None) -> None:
        """Nobody reads the request body any more."""
        exchange = exchange or self._exchange
        self._inbound = None
        if exchange is not None and exchange.body is not None:
            exchange.body.drop()

    def _pump_body(self) -> None:
        inbound = cast("Inbound", self._inbound)
        try:
            inbound.feed(self._parser.next_data())
        except PoguError as error:
            cast("Exchange", self._exchange).keep_alive = False
            inbound.end(error)
            self._inbound = None
            return
        if self._parser.message_complete:
            inbound.end()
            self._inbound = None
            self._hold_back()

    def _discard_body(self) -> bool:
        self._parser.next_data()
        self._discarding = not self._parser.message_complete
        return not self._discarding

    def _new_inbound(self) -> Inbound:
        return Inbound(self.limits.inbound_buffer_bytes, self._pause_reading, self._resume_reading)

    # --- reading ---

    def _hold_back(self) -> None:
        """Requests sent ahead are kept, but not without bound."""
        if not self._overfull and self._parser.pending > self.limits.inbound_buffer_bytes:
            self._overfull = True
            self._pause_reading()

    def _release(self) -> None:
        if self._overfull:
            self._overfull = False
            self._resume_reading()

    def _pause_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._transport.is_closing() and not self._overfull:
            self._transport.resume_reading()

    # --- the end ---

    def _refuse(self, status: int, message: str) -> None:
        """Answer what cannot be understood, and end."""
        response = plain_error(status, message)
        body = cast("bytes", response.body)
        framing = f"Content-Length: {len(body)}\r\n{serialising.date_line()}Connection: close\r\n"
        self.outbound.write(serialising.head(response.status, response.headers, framing) + body)
        self._linger()

    def _end(self) -> None:
        """Close after an answer; if the client may still be sending, without a reset that would destroy it."""
        if self._half_closed or (self._parser.message_complete and not self._parser.pending):
            self._transport.close()
        else:
            self._linger()

    def _linger(self) -> None:
        """End our direction, and swallow what comes until the client ends its own or some time has passed.

        Closing a socket that has unread input makes the kernel reset the connection, and the client's kernel then
        throws away what the client has not read yet (RFC 9112, 9.6).
        """
        self._lingering = True
        if self._inbound is not None:
            self._inbound.end()
            self._inbound.drop()
        self._release()
        self._write_eof()
        self._deadline.set(self.limits.linger_seconds)

    def _finish_raw(self) -> None:
        if self._transport.is_closing() or self._lingering:
            return
        if self._half_closed:
            self._transport.close()
        else:
            self._linger()

    def _write_eof(self) -> None:
        if not self._transport.is_closing():
            self._transport.write_eof()

    def _expired(self) -> None:
        if self._lingering:
            if self._transport.get_write_buffer_size():
                self._deadline.set(self.limits.linger_seconds)  # a slow reader still gets what is its own
            else:
                self._transport.abort()
        elif self._exchange is None and self._parser.in_head:
            self._refuse(408, "the request header did not arrive in time")
        elif self._exchange is None:
            self._transport.close()

    def _watch_for_hang_up(self) -> None:
        """After the client's end of file nothing announces that it goes away altogether: look now and then."""
        if self._transport.is_closing():
            return
        if has_hung_up(self._transport):
            self._transport.abort()
        else:
            self._hang_up_check = self._loop.call_later(_HANG_UP_CHECK_SECONDS, self._watch_for_hang_up)
