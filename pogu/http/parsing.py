"""HTTP/1.x requests without I/O: bytes in, request heads and body data out (RFC 9112).

The request line and header fields are read by llhttp (through httptools), which is strict about everything that has
been used for request smuggling. It is given exactly one head at a time and never a body: so it is always known where a
message ends, and what follows may turn out to be the next request or another protocol altogether.
"""

from __future__ import annotations

import httptools

from pogu.errors import InvalidArgument
from pogu.http.bodies import BodyDecoder, ChunkedBody, SizedBody
from pogu.http.limits import Limits
from pogu.http.multimaps import Headers

_HEAD_END = b"\r\n\r\n"


class MalformedRequest(InvalidArgument):
    """A request that cannot be taken apart; `status` is the answer it gets before the connection is closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RequestHead:
    """The request line and header fields of one request.

    `length` is the body's size in bytes (0 without a body), or None for a chunked body. `upgrade` is the protocol the
    client asks for, if its `Connection` field says so too. `expects_continue`: the client waits for 100 Continue.
    """

    __slots__ = ("expects_continue", "headers", "keep_alive", "length", "method", "target", "upgrade", "version")

    def __init__(self, method: str, target: str, version: str, headers: Headers, keep_alive: bool) -> None:
        self.method = method
        self.target = target
        self.version = version
        self.headers = headers
        self.keep_alive = keep_alive
        self.length: int | None = 0
        self.upgrade: str | None = None
        self.expects_continue = False

    def __repr__(self) -> str:
        return f"<{self.method} {self.target} HTTP/{self.version}>"


class RequestParser:
    """Takes one connection's bytes apart into requests.

    Feed with `receive`; then ask for `next_head` until there is one, and for `next_data` until `message_complete`.
    Nothing behind the end of a message is looked at before the next `next_head`; `take_rest` hands it out instead.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._pending = b""
        self._body: BodyDecoder | None = None
        self._http: httptools.HttpRequestParser | None = None
        self._start_head()

    def _start_head(self) -> None:
        self._seen = 0  # bytes of the current head given to llhttp
        self._tail = b""  # the last three of them: the end of the head may be split anywhere
        self._line_complete = False
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._keep_alive = False
        self._upgrade = False
        self._head_complete = False

    # --- what the connection calls ---

    @property
    def message_complete(self) -> bool:
        """Whether no byte of the current request's body is missing (true between requests)."""
        return self._body is None or self._body.complete

    @property
    def body_remaining(self) -> int | None:
        """Bytes of the current request's body that have not been decoded; None if only the client knows."""
        if self.message_complete:
            return 0
        return self._body.remaining if isinstance(self._body, SizedBody) else None

    @property
    def in_head(self) -> bool:
        """Whether a request line has begun and its header is not complete yet."""
        return self._seen > 0

    @property
    def pending(self) -> int:
        """How many received bytes have not been looked at."""
        return len(self._pending)

    def receive(self, data: bytes) -> None:
        """Add what came from the client."""
        self._pending = self._pending + data if self._pending else data

    def close(self) -> None:
        """Let go of llhttp, which refers back to this object."""
        self._http = None

    def take_rest(self) -> bytes:
        """Hand out, and forget, everything received behind what has been parsed: the connection changes protocol."""
        rest, self._pending = self._pending, b""
        return rest

    def next_head(self) -> RequestHead | None:
        """The next request's head, or None while it is incomplete. Raises MalformedRequest."""
        data = self._pending
        if not self._seen:
            # Empty lines in front of a request are allowed (RFC 9112, 2.2).
            data = data.lstrip(b"\r\n")
        if not data:
            self._pending = b""
            return None
        end = (self._tail + data).find(_HEAD_END) if self._seen else data.find(_HEAD_END)
        if end < 0:
            self._pending = b""
            self._read_head(data)
            if self._head_complete:
                raise MalformedRequest(400, "the header does not end with an empty line")
            self._tail = (self._tail + data)[-3:]
            self._line_complete = self._line_complete or b"\n" in data
            return None
        end += len(_HEAD_END) - len(self._tail)
        self._pending = data[end:]
        self._read_head(data[:end])
        if not self._head_complete:
            raise MalformedRequest(400, "the request is malformed")
        return self._finish_head()

    def next_data(self) -> bytes:
        """Decoded body data that has arrived, possibly empty. Raises InvalidArgument or TooLarge for a bad body."""
        if self._body is None or not self._pending:
            return b""
        decoded, self._pending = self._body.decode(self._pending)
        return decoded

    # --- the head ---

    def _read_head(self, data: bytes) -> None:
        self._seen += len(data)
        if self._seen > self._limits.header_bytes:
            line_end = data.find(b"\n")
            before = self._seen - len(data)
            if not self._line_complete and (line_end < 0 or before + line_end > self._limits.header_bytes):
                raise MalformedRequest(414, "the request target is too long")
            raise MalformedRequest(431, f"the request header is larger than {self._limits.header_bytes} bytes")
        if self._http is None:
            self._http = httptools.HttpRequestParser(self)
        try:
            self._http.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the bytes behind the head were never given to it
        except httptools.HttpParserError as error:
            if self._head_complete and not self._headers_framed():
                raise MalformedRequest(501, "the only transfer coding known here is chunked") from error
            raise MalformedRequest(400, f"the request is malformed: {error}") from error

    def _finish_head(self) -> RequestHead:
        http = self._http
        assert http is not None
        version = http.get_http_version()
        headers = Headers.adopt(self._headers)
        head = RequestHead(
            http.get_method().decode("ascii"),
            self._target.decode("utf-8", "replace"),
            version,
            headers,
            self._keep_alive,
        )
        if version not in ("1.1", "1.0"):
            raise MalformedRequest(505, f"HTTP/{version} is not spoken here, HTTP/1.1 is")
        if len(headers) > self._limits.header_count:
            raise MalformedRequest(431, f"the request has more than {self._limits.header_count} header fields")
        self._check_target_and_host(head)
        self._read_framing(head)
        upgrade = self._upgrade
        if upgrade:
            head.upgrade = headers.get("upgrade")
        if upgrade or head.length != 0 or not self._keep_alive:
            self._http = None  # it would take what follows for this request's body, or for nothing at all
        self._start_head()
        return head

    def _check_target_and_host(self, head: RequestHead) -> None:
        if "%00" in head.target:
            raise MalformedRequest(400, "the request target contains a NUL character")
        hosts = sum(name == "host" for name, _ in self._headers)
        if hosts > 1 or (hosts == 0 and head.version == "1.1"):
            raise MalformedRequest(400, "exactly one Host header field is required")

    def _read_framing(self, head: RequestHead) -> None:
        """How the body ends (RFC 9112, 6.3). llhttp has refused doubled, malformed and contradicting fields."""
        self._body = None
        for name, value in self._headers:
            if name == "content-length":
                self._set_length(head, value)
            elif name == "transfer-encoding":
                self._set_chunked(head)
            elif name == "expect" and head.version == "1.1":
                if value.lower() != "100-continue":
                    raise MalformedRequest(417, f"the expectation {value} cannot be met")
                head.expects_continue = True

    def _set_length(self, head: RequestHead, value: str) -> None:
        if not (value.isascii() and value.isdigit()):
            raise MalformedRequest(400, "Content-Length is not a number")
        length = int(value)
        limit = self._limits.body_bytes
        if limit is not None and length > limit:
            raise MalformedRequest(413, f"the request body is larger than {limit} bytes")
        head.length = length
        self._body = SizedBody(length)

    def _set_chunked(self, head: RequestHead) -> None:
        if not self._headers_framed():
            raise MalformedRequest(501, "the only transfer coding known here is chunked")
        if head.version != "1.1":
            raise MalformedRequest(400, "HTTP/1.0 has no transfer codings")
        head.length = None
        self._body = ChunkedBody(self._limits.body_bytes)

    def _headers_framed(self) -> bool:
        codings = [value.lower() for name, value in self._headers if name == "transfer-encoding"]
        return codings in ([], ["chunked"])

    # --- what llhttp calls ---

    def on_url(self, part: bytes) -> None:
        """A part of the request target."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header field; the value may still have white space behind it."""
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1").rstrip(" \t")))

    def on_headers_complete(self) -> None:
        """The end of the head."""
        self._head_complete = True
        http = self._http
        assert http is not None
        self._keep_alive = http.should_keep_alive()
        self._upgrade = http.should_upgrade()
