"""HTTP/1.1 to registries: connections that are kept, TLS, proxies and redirects, over blocking sockets.

Python's own `http.client` does the framing: it reads straight into the caller's buffer, in the thread that hashes and
unpacks, without a hop through an event loop for each piece.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import pogu
from pogu.engine.registries.cancelling import Canceller
from pogu.engine.registries.failures import Unreachable, unreachable
from pogu.engine.registries.proxies import Proxy, find_proxy
from pogu.errors import InvalidArgument, PoguError

Body = bytes | Iterable[bytes] | None

CONNECT_SECONDS = 30.0
IDLE_SECONDS = 60.0  # without a byte
_REDIRECTS = 10
_KEPT = 8  # idle connections to one server
_BROKEN = (http.client.HTTPException, OSError, ValueError)
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ssl.SSLEOFError)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    fields: Mapping[str, str]
    body: Body

    @property
    def what(self) -> str:
        """How an error begins, as Go's do."""
        return f'{self.method.title()} "{self.url}"'

    @property
    def target(self) -> str:
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    @property
    def repeatable(self) -> bool:
        return self.body is None or isinstance(self.body, bytes)


class Answer:
    """A response whose head has arrived. Read its body to the end, or close it."""

    def __init__(
        self, request: _Request, response: http.client.HTTPResponse, connection: _Connection, pool: Connections
    ) -> None:
        self.url = request.url  # after redirects
        self.status = response.status
        self.headers: dict[str, str] = {name.lower(): value for name, value in response.getheaders()}
        self._response = response
        self._connection = connection
        self._pool = pool
        self._what = request.what
        self._done = False

    def read_some(self, buffer: memoryview) -> int:
        """Read into a buffer and return how many bytes; 0 at the end.

        Raises:
            Unreachable: the connection broke, or the server fell silent.
        """
        if self._done:
            return 0
        try:
            with self._connection.watched():
                count = self._response.readinto(buffer)
        except _BROKEN as e:
            self.close()
            self._connection.canceller.check()
            raise unreachable(self._what, e) from e
        self._connection.canceller.check()
        if not count:
            self.close(keep=not self._response.length)
        return count

    def read(self, limit: int) -> bytes:
        """Return the whole body; InvalidArgument if it is larger than `limit` bytes."""
        data = bytearray()
        buffer = memoryview(bytearray(65536))
        while count := self.read_some(buffer):
            data += buffer[:count]
            if len(data) > limit:
                self.close()
                raise InvalidArgument(f"{self._what}: the answer is larger than {limit} bytes")
        if self._response.length:
            raise unreachable(self._what, http.client.IncompleteRead(bytes(data), self._response.length))
        return bytes(data)

    def drain(self) -> None:
        """Read what is left of a short body, so that the connection can be used again."""
        with contextlib.suppress(PoguError):
            self.read(65536)
        self.close()

    def close(self, keep: bool = False) -> None:
        """Give the connection back, or up."""
        if not self._done:
            self._done = True
            self._pool.give_back(self._connection, keep and not self._response.will_close)

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class _Connection:
    """One connection and who may cut it."""

    def __init__(self, key: tuple[str, str], inner: http.client.HTTPConnection, proxy: Proxy | None) -> None:
        self.key = key
        self.inner = inner
        self.proxy = proxy  # one that is asked for whole URLs
        self.canceller = Canceller()
        self.used = False
        self._socket: socket.socket | None = None

    def connect(self) -> None:
        """Connect where that has not been done."""
        if self.inner.sock is None:
            self.inner.timeout = CONNECT_SECONDS
            self.inner.connect()
            connected: socket.socket | None = self.inner.sock
            assert connected is not None
            connected.settimeout(IDLE_SECONDS)
            self._socket = connected  # which `inner` forgets when the server closes after its answer

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        assert self._socket is not None
        with self.canceller.watching(self._socket):
            yield


class Connections:
    """Connections to servers, kept between requests. `context` is for the server `host`; others get the usual trust."""

    def __init__(self, host: str, context: ssl.SSLContext | None, environment: Mapping[str, str] = os.environ) -> None:
        self._host = host
        self._context = context
        self._usual: ssl.SSLContext | None = None
        self._environment = environment
        self._idle: dict[tuple[str, str], list[_Connection]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Body = None,
        *,
        canceller: Canceller | None = None,
    ) -> Answer:
        """Send a request and return the answer, whatever its status, when its head has arrived.

        Redirects are followed; Authorization goes only to the server that was asked.

        Raises:
            Unreachable: no connection, or it broke.
            Cancelled: `canceller` was used.
        """
        canceller = canceller or Canceller()
        fields = {"User-Agent": f"pogu/{pogu.__version__}", **headers}
        for _ in range(_REDIRECTS):
            answer = self._once(_Request(method, url, fields, body), canceller)
            location = answer.headers.get("location", "")
            moved = answer.status in (301, 302, 303, 307, 308) and location
            if not (moved and method in ("GET", "HEAD")):
                return answer
            answer.drain()
            before, url = urlsplit(url), urljoin(url, location)
            after = urlsplit(url)
            if (before.scheme, before.netloc) != (after.scheme, after.netloc):
                fields.pop("Authorization", None)
        raise Unreachable(f'{method.title()} "{url}": stopped after {_REDIRECTS} redirects')

    def _once(self, request: _Request, canceller: Canceller) -> Answer:
        while True:
            canceller.check()
            connection = self._take(request.url)
            connection.canceller = canceller
            try:
                return self._exchange(connection, request)
            except _BROKEN as e:
                connection.inner.close()
                canceller.check()
                # A kept connection that the server has closed meanwhile says nothing of the server.
                if not (isinstance(e, _STALE) and connection.used and request.repeatable):
                    raise unreachable(request.what, e, urlsplit(request.url).netloc) from e
            except BaseException:
                connection.inner.close()
                raise

    def _exchange(self, connection: _Connection, request: _Request) -> Answer:
        connection.connect()
        headers = dict(request.fields)
        target = request.target
        if connection.proxy is not None:
            target = request.url
            if connection.proxy.authorization:
                headers["Proxy-Authorization"] = connection.proxy.authorization
        with connection.watched():
            try:
                connection.inner.request(request.method, target, request.body, headers)
            except (BrokenPipeError, ConnectionResetError):
                if request.repeatable:
                    raise
                # A server may answer before it has read a long body: the answer says why.
            response = connection.inner.getresponse()
        return Answer(request, response, connection, self)

    def _take(self, url: str) -> _Connection:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Unreachable(f"unsupported protocol scheme in {url!r}")
        key = (parts.scheme, parts.netloc)
        with self._lock:
            if self._idle.get(key):
                connection = self._idle[key].pop()
                connection.used = True
                return connection
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return self._open(key, parts.hostname, port, parts.netloc)

    def _open(self, key: tuple[str, str], host: str, port: int, netloc: str) -> _Connection:
        proxy = find_proxy(key[0], host, port, self._environment)
        to = (proxy.host, proxy.port) if proxy else (host, port)
        if key[0] == "http":
            return _Connection(key, http.client.HTTPConnection(*to), proxy)
        secure = http.client.HTTPSConnection(*to, context=self._context_for(netloc))
        if proxy:
            secure.set_tunnel(host, port, {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {})
        return _Connection(key, secure, None)

    def _context_for(self, netloc: str) -> ssl.SSLContext:
        if self._context is not None and netloc == self._host:
            return self._context
        self._usual = self._usual or ssl.create_default_context()
        return self._usual

    def give_back(self, connection: _Connection, keep: bool) -> None:
        """Keep a connection for the next request, or close it."""
        connection.canceller = Canceller()
        with self._lock:
            idle = self._idle.setdefault(connection.key, [])
            if keep and connection.inner.sock is not None and len(idle) < _KEPT and not self._closed:
                idle.append(connection)
                return
        connection.inner.close()

    def close(self) -> None:
        """Close what is kept, and keep nothing any more."""
        with self._lock:
            self._closed = True
            for idle in self._idle.values():
                while idle:
                    idle.pop().inner.close()
