"""TLS beneath a connection, with directions that end separately.

The event loops' own TLS closes a connection altogether when the client sends close_notify. Docker's clients send it
when their standard input ends and still wait for output (`echo x | docker exec -i`), which RFC 8446 (6.1) allows; so
TLS is done here on memory buffers, between the loop's plain transport and an ordinary protocol.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any, cast

from pogu.http.deadline import Deadline

log = logging.getLogger(__name__)

_READ_SIZE = 256 * 1024


class TlsLayer(asyncio.Protocol):
    """The server side of one TLS connection; `make_inner` gives the protocol that runs inside it."""

    def __init__(
        self, context: ssl.SSLContext, make_inner: Callable[[], asyncio.Protocol], handshake_seconds: float
    ) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._make_inner = make_inner
        self._handshake_seconds = handshake_seconds
        self._inner: asyncio.Protocol | None = None
        self._deadline: Deadline | None = None
        self._peer_ended = False
        self._reading = False
        self._end_wanted = False
        self._ended = False

    # --- what the event loop calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected; the handshake comes first, and in time."""
        self.transport = cast("asyncio.Transport", transport)
        self._deadline = Deadline(asyncio.get_running_loop(), self.transport.abort)
        self._deadline.set(self._handshake_seconds)

    def data_received(self, data: bytes) -> None:
        """TLS records from the client."""
        self._incoming.write(data)
        if self._inner is None:
            self._handshake()
        if self._inner is not None:
            self._read()

    def eof_received(self) -> bool:
        """The client's kernel will send nothing more."""
        if self._inner is None:
            return False
        self._end_of_input()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self._deadline is not None:
            self._deadline.close()
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._inner is not None:
            self._inner.resume_writing()

    # --- what the transport inside calls ---

    def write(self, data: bytes) -> None:
        """Encrypt and send."""
        view = memoryview(data)
        while view and not self._ended:
            try:
                view = view[self.tls.write(view) :]
            except ssl.SSLError as error:
                log.debug("TLS write failed: %s", error)
                self.transport.abort()
                return
        self._flush()

    def end_output(self) -> None:
        """Send close_notify: nothing more will be written, reading goes on."""
        # OpenSSL takes unread application data for a violation while it shuts down: read everything first.
        self._end_wanted = True
        if self._reading or self._ended:
            return
        self._ended = True
        try:
            self.tls.unwrap()
        except ssl.SSLError as error:
            if not isinstance(error, ssl.SSLWantReadError):
                log.debug("TLS shutdown: %s", error)
        self._flush()

    # --- inside ---

    def _handshake(self) -> None:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            log.info("TLS handshake with %s failed: %s", self.transport.get_extra_info("peername"), error)
            self._flush()  # the alert says to the client what is wrong
            self.transport.close()
            return
        self._flush()
        cast("Deadline", self._deadline).clear()
        self._inner = self._make_inner()
        self._inner.connection_made(TlsTransport(self))

    def _read(self) -> None:
        inner = cast("asyncio.Protocol", self._inner)
        self._reading = True
        while not self.transport.is_closing() and not self._peer_ended:
            try:
                data = self.tls.read(_READ_SIZE)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLZeroReturnError:
                data = b""
            except ssl.SSLError as error:
                log.debug("TLS read failed: %s", error)
                self.transport.abort()
                break
            if data:
                inner.data_received(data)
            else:
                self._end_of_input()
        self._reading = False
        if self._end_wanted:
            self.end_output()
        self._flush()

    def _end_of_input(self) -> None:
        if not self._peer_ended:
            self._peer_ended = True
            if not cast("asyncio.Protocol", self._inner).eof_received():
                self.end_output()
                self.transport.close()

    def _flush(self) -> None:
        if self._outgoing.pending and not self.transport.is_closing():
            self.transport.write(self._outgoing.read())


class TlsTransport(asyncio.Transport):
    """What a protocol inside TLS writes to; unlike the event loops' own it can end its output alone."""

    def __init__(self, layer: TlsLayer) -> None:
        super().__init__()
        self._layer = layer
        self._plain = layer.transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send data."""
        self._layer.write(bytes(data))

    def write_eof(self) -> None:
        """End our direction with close_notify."""
        self._layer.end_output()

    def can_write_eof(self) -> bool:
        """It can."""
        return True

    def close(self) -> None:
        """Send what is queued and close_notify, then close."""
        if not self._plain.is_closing():
            self._layer.end_output()
            self._plain.close()

    def abort(self) -> None:
        """Close at once."""
        self._plain.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or being closed."""
        return self._plain.is_closing()

    def pause_reading(self) -> None:
        """Let the client wait."""
        self._plain.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        self._plain.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When `pause_writing` and `resume_writing` are called, in bytes of ciphertext."""
        self._plain.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """Bytes of ciphertext the kernel has not accepted yet."""
        return self._plain.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As the plain transport, and `ssl_object`."""
        return self._layer.tls if name == "ssl_object" else self._plain.get_extra_info(name, default)
