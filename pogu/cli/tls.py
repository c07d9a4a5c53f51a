"""TLS that can end its sending half and go on reading, which the standard library's sockets cannot.

`ssl.SSLSocket.shutdown` drops TLS altogether; a container's standard input ends while its output still comes.
"""

from __future__ import annotations

import socket
import ssl

_CHUNK = 65536


class TlsSocket:
    """A connected socket with TLS on it; the handshake is done when it is made."""

    def __init__(self, plain: socket.socket, context: ssl.SSLContext, host: str) -> None:
        """Shake hands as a client with `host`. Raises OSError (ssl.SSLError is one)."""
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._ready = b""  # decrypted and not asked for yet
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                if not self._receive():
                    raise ConnectionResetError("the daemon closed the connection during the TLS handshake") from None
                continue
            finally:
                self._flush()
            return

    def fileno(self) -> int:
        return self._plain.fileno()

    def pending(self) -> int:
        """Return a number above 0 where bytes may wait that polling the descriptor does not show."""
        return len(self._ready) + self._tls.pending() + self._incoming.pending

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view[:_CHUNK]) :]
            self._flush()

    def recv(self, size: int) -> bytes:
        """Return what has arrived, b"" at the end; waits for the first byte."""
        while not self._ready:
            data = self._decrypted()
            if data is None:
                if not self._receive():
                    return b""
                continue
            if not data:
                return b""
            self._ready = data
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def take(self, size: int) -> bytes | None:
        """Return what has arrived once polling or `pending` says that something has; None where that is no data yet.

        A part of a record, or what TLS says for itself, is none: whoever carries two directions must not wait for more.
        """
        waits = self.pending() > 0
        if not self._ready:
            data = self._decrypted()
            if data is None and not waits:
                data = self._decrypted() if self._receive() else b""
            if not data:
                return data
            self._ready = data
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def shutdown(self, _how: int) -> None:
        """Send close_notify: nothing more will be sent, and reading goes on."""
        # OpenSSL takes unread data for a violation while it shuts down: decrypt what is here first.
        while data := self._decrypted():
            self._ready += data
        try:
            self._tls.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLSyscallError, ssl.SSLZeroReturnError):
            pass
        self._flush()

    def close(self) -> None:
        self._plain.close()

    def _decrypted(self) -> bytes | None:
        """Return what can be decrypted, b"" after the other side's end, None where more has to arrive."""
        try:
            return self._tls.read(_CHUNK)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        finally:
            self._flush()

    def _receive(self) -> bool:
        data = self._plain.recv(_CHUNK)
        if data:
            self._incoming.write(data)
        return bool(data)

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._plain.sendall(self._outgoing.read())
