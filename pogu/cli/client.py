"""A small HTTP/1.1 client for the daemon's API: one connection a request, streams, and stream take-over.

Plain blocking sockets, because a command does one thing at a time and has to start fast.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pogu.cli.target import Target
from pogu.errors import PoguError

if TYPE_CHECKING:
    from pogu.cli.ssh import Tunnels

API_VERSION = "1.50"
_CHUNK = 65536


class CannotConnect(PoguError):
    """There is no daemon at the address, or it may not be used."""


class ApiError(PoguError):
    """The daemon answered with an error. `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"Error response from daemon: {message}")
        self.status = status
        self.detail = message


class EmptyName(ApiError):
    """A name is empty, which no path of the API can say: the command says it, in docker's words."""

    def __init__(self, message: str) -> None:
        super().__init__(404, message)
        self.args = (message,)
        self.message = message


class Channel(Protocol):
    """What carries bytes to a daemon and back: a socket, TLS on one, or an ssh process."""

    def fileno(self) -> int: ...

    def sendall(self, data: bytes, /) -> None: ...

    def recv(self, size: int, /) -> bytes: ...

    def shutdown(self, how: int, /) -> None: ...

    def close(self) -> None: ...


def pending(channel: Channel) -> bool:
    """Return whether bytes have arrived that polling the descriptor does not show: TLS has them."""
    waiting = getattr(channel, "pending", None)
    return waiting is not None and waiting() > 0


def take(channel: Channel, size: int) -> bytes | None:
    """Return what has arrived where polling says that something has: b"" at the end, None for nothing of use yet."""
    take_ = getattr(channel, "take", None)
    found: bytes | None = channel.recv(size) if take_ is None else take_(size)
    return found


class Client:
    """Requests to one daemon. Paths are given without the version; `/_…` paths are the daemon's own."""

    def __init__(self, target: Target, version: str = "") -> None:
        """`version` is the API's; where it is not given, the newest that the daemon knows as well."""
        self.target = target
        self.newest = version or API_VERSION
        self.version = self.newest
        self._settled = bool(version)
        self._tunnels: Tunnels | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request and return the reply when its head has arrived.

        `body` is JSON unless it is bytes or an iterable of bytes (sent chunked). Query values: None is left out, True
        is `1`, dicts are JSON, lists repeat.

        Raises:
            CannotConnect: no connection.
            ApiError: a status of 400 or more; the message is the daemon's.
        """
        if body is not None and _is_raw(body) and not isinstance(body, bytes):
            self._settle()  # a stream cannot be sent again
        try:
            return self._request(method, path, query, body, headers)
        except ApiError as e:
            if not self._is_too_new(e):
                raise
            self._settle()
        return self._request(method, path, query, body, headers)

    def _settle(self) -> None:
        """Ask the daemon for its API's version and take the older one."""
        if self._settled:
            return
        self._settled = True
        reply = self._request("GET", "/_ping", None, None, None)
        reply.close()
        theirs = reply.headers.get("api-version", "")
        if theirs and _number(theirs) < _number(self.version):
            self.version = theirs

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Any,
        headers: Mapping[str, str] | None,
    ) -> Reply:
        connection = _Connection(self._connect())
        try:
            kind = "application/json" if body is not None and not _is_raw(body) else "application/x-tar"
            fields = {"Connection": "close", **({"Content-Type": kind} if body is not None else {}), **(headers or {})}
            connection.send(_head(method, self._path(path, query), fields.items(), body))
            _send_body(connection, body)
            return _checked(connection.receive_head(method))
        except BaseException as e:
            connection.close()
            if isinstance(e, (ConnectionError, socket.timeout)):
                raise CannotConnect(f"the connection to the daemon at {self.target.url} broke: {e}") from e
            raise

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON answer of a GET."""
        return self.request("GET", path, query=query).json()

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """Return the JSON answer of a POST (None where the answer is empty)."""
        return self.request("POST", path, query=query, body=body).json()

    def delete(self, path: str, **query: Any) -> Any:
        """Return the JSON answer of a DELETE (None where the answer is empty)."""
        return self.request("DELETE", path, query=query).json()

    def take_over(
        self,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        protocol: str = "tcp",
        headers: Iterable[tuple[str, str]] = (),
    ) -> Raw:
        """POST with `Upgrade: PROTOCOL` and return the connection as a stream in both directions.

        Raises: as `request`.
        """
        fields = [("Connection", "Upgrade"), ("Upgrade", protocol), ("Content-Type", "application/json"), *headers]
        try:
            return self._take_over(path, query, fields, body)
        except ApiError as e:
            if not self._is_too_new(e):
                raise
            self._settle()
        return self._take_over(path, query, fields, body)

    def _take_over(
        self, path: str, query: Mapping[str, Any] | None, fields: Iterable[tuple[str, str]], body: Any
    ) -> Raw:
        connection = _Connection(self._connect())
        try:
            connection.send(_head("POST", self._path(path, query), fields, body))
            _send_body(connection, body)
            reply = _checked(connection.receive_head("POST", upgraded=True))
        except BaseException:
            connection.close()
            raise
        return Raw(connection, reply.headers.get("content-type", ""))

    def _is_too_new(self, error: ApiError) -> bool:
        return not self._settled and error.status == 400 and "is too new" in error.detail

    def dial(self) -> Channel:
        """Return a new connection to the daemon, with nothing said on it yet. Raises CannotConnect."""
        return self._connect()

    def _path(self, path: str, query: Mapping[str, Any] | None) -> str:
        kind, slash, rest = path[1:].partition("/")
        if kind in _NAMED and slash and rest[:1] in {"", "/"}:
            raise EmptyName(f"invalid {_NAMED[kind]} name or ID: value is empty")
        text = _query(query or {})
        return f"{'' if path.startswith('/_') else f'/v{self.version}'}{path}{'?' + text if text else ''}"

    def _connect(self) -> Channel:
        target = self.target
        if target.ssh:
            return self._through_ssh()
        try:
            if target.path:
                return _connect_unix(target.path)
            s = socket.create_connection((target.address, target.port), timeout=30)
            s.settimeout(None)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not target.context:
                return s
            from pogu.cli.tls import TlsSocket

            return TlsSocket(s, target.context, target.address)
        except PermissionError as e:
            raise CannotConnect(
                f"permission denied while trying to connect to the Pogu daemon at {target.url}: "
                "use sudo, or join the group of the socket"
            ) from e
        except OSError as e:
            reason = "" if isinstance(e, (FileNotFoundError, ConnectionRefusedError)) else f" ({e})"
            raise CannotConnect(
                f"Cannot connect to the Pogu daemon at {target.url}. Is the pogu daemon running? "
                f"Start it with `pogu up`{reason}"
            ) from e

    def _through_ssh(self) -> Channel:
        from pogu.cli.ssh import SshFailed, Tunnels

        assert self.target.ssh
        self._tunnels = self._tunnels or Tunnels(self.target.ssh)
        try:
            return self._tunnels.open()
        except SshFailed as e:
            raise CannotConnect(f"Cannot connect to the Pogu daemon at {self.target.url}: {e.message}") from e


class Reply:
    """A reply whose body has not been read. Iterating yields the body in pieces as they arrive."""

    def __init__(self, connection: _Connection, status: int, headers: dict[str, str], body: Iterator[bytes]) -> None:
        self.status = status
        self.headers = headers  # lower-case names
        self._connection = connection
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        finally:
            self.close()

    def read(self) -> bytes:
        """Return the whole body."""
        return b"".join(self)

    def json(self) -> Any:
        """Return the body as JSON, None where it is empty."""
        data = self.read()
        return json.loads(data) if data.strip() else None

    def json_lines(self) -> Iterator[Any]:
        """Yield each object of a stream of JSON objects, as soon as it is whole."""
        decoder, text = json.JSONDecoder(), ""
        for piece in _decoded(self):
            text = (text + piece).lstrip()
            while text:
                try:
                    value, end = decoder.raw_decode(text)
                except ValueError:
                    break
                yield value
                text = text[end:].lstrip()

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()


class Raw:
    """A connection taken over: bytes both ways. `content_type` says whether output is multiplexed."""

    def __init__(self, connection: _Connection, content_type: str) -> None:
        self._connection = connection
        self.content_type = content_type

    def fileno(self) -> int:
        return self._connection.socket.fileno()

    def pending(self) -> bool:
        """Return whether bytes wait that polling the descriptor does not show: they came with the head, or in TLS."""
        return self._connection.pending()

    def read(self, size: int = _CHUNK) -> bytes:
        """Return what has arrived, b"" at the end."""
        return self._connection.read_some(size)

    def take(self) -> bytes | None:
        """Return what has arrived where polling says so: b"" at the end, None for nothing of use yet."""
        return self._connection.take()

    def write(self, data: bytes) -> None:
        """Send all of `data`."""
        self._connection.send(data)

    def detach(self) -> tuple[Channel, bytes]:
        """Return what carries the bytes, and what has come already; this object is of no use then."""
        return self._connection.detach()

    def end_input(self) -> None:
        """Tell the daemon that no more will be written; reading goes on."""
        with contextlib.suppress(OSError):
            self._connection.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._connection.close()


class _Connection:
    def __init__(self, channel: Channel) -> None:
        self.socket = channel
        self._buffer = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read_some(self, size: int = _CHUNK) -> bytes:
        if self._buffer:
            data, self._buffer = self._buffer[:size], self._buffer[size:]
            return data
        try:
            return self.socket.recv(size)
        except ConnectionResetError:
            return b""

    def take(self) -> bytes | None:
        if self._buffer:
            return self.read_some()
        try:
            return take(self.socket, _CHUNK)
        except ConnectionResetError:
            return b""

    def pending(self) -> bool:
        return bool(self._buffer) or pending(self.socket)

    def detach(self) -> tuple[Channel, bytes]:
        begun, self._buffer = self._buffer, b""
        return self.socket, begun

    def close(self) -> None:
        self.socket.close()

    def receive_head(self, method: str, *, upgraded: bool = False) -> Reply:
        while True:
            status, headers = self._head()
            if status >= 200 or status == 101:
                break
        if upgraded and status in {101, 200}:
            return Reply(self, status, headers, iter(()))
        if method == "HEAD" or status in {204, 304}:
            return Reply(self, status, headers, iter(()))
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return Reply(self, status, headers, self._chunks())
        if "content-length" in headers:
            return Reply(self, status, headers, self._sized(int(headers["content-length"])))
        return Reply(self, status, headers, iter(self.read_some, b""))

    def _head(self) -> tuple[int, dict[str, str]]:
        while b"\r\n\r\n" not in self._buffer:
            data = self.socket.recv(_CHUNK)
            if not data:
                raise ConnectionResetError("the daemon closed the connection without an answer")
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in lines)
        return int(first.split(" ", 2)[1]), {name.strip().lower(): value.strip() for name, _, value in fields}

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            data = self.socket.recv(_CHUNK)
            if not data:
                raise ConnectionResetError("the daemon closed the connection in the middle of an answer")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._line().split(b";")[0], 16):
            yield from self._sized(size)
            self._line()
        while self._line():
            pass

    def _sized(self, size: int) -> Iterator[bytes]:
        while size:
            data = self.read_some(min(size, _CHUNK))
            if not data:
                raise ConnectionResetError("the daemon closed the connection in the middle of an answer")
            size -= len(data)
            yield data


_NAMED = {"containers": "container", "networks": "network", "volumes": "volume"}


def _connect_unix(path: str) -> socket.socket:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        s.connect(path)
    except OSError:
        s.close()
        raise
    return s


_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")  # RFC 3986, 2.3


def _percent_encoded(text: str, safe: frozenset[int]) -> str:
    """What `urllib.parse.quote` does, which takes 2 ms to load."""
    return "".join(chr(byte) if byte in safe else f"%{byte:02X}" for byte in text.encode())


def segment(text: str) -> str:
    """Return a name or reference as one part of a path; slashes and colons of image names stay."""
    return _percent_encoded(text, _UNRESERVED | frozenset(b"/:@"))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _is_raw(body: Any) -> bool:
    return isinstance(body, bytes) or not isinstance(body, (dict, list, str))


def _head(method: str, path: str, fields: Iterable[tuple[str, str]], body: Any) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: pogu", "User-Agent: pogu"]
    lines += [f"{name}: {value}" for name, value in fields]
    if body is not None and _is_raw(body) and not isinstance(body, bytes):
        lines.append("Transfer-Encoding: chunked")
    elif body is not None or method in {"POST", "PUT"}:
        lines.append(f"Content-Length: {len(_encoded(body))}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _encoded(body: Any) -> bytes:
    if body is None:
        return b""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def _send_body(connection: _Connection, body: Any) -> None:
    if body is None:
        return
    if isinstance(body, bytes) or not _is_raw(body):
        connection.send(_encoded(body))
        return
    pieces: Iterable[bytes] = body
    try:
        for piece in pieces:
            if piece:
                connection.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass  # the daemon has answered before the end of the body: its answer says why


def _query(query: Mapping[str, Any]) -> str:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None:
            continue
        for item in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(item, bool):
                pairs.append((name, "1" if item else "0"))
            elif isinstance(item, dict):
                pairs.append((name, json.dumps(item)))
            else:
                pairs.append((name, str(item)))
    return "&".join(f"{name}={_percent_encoded(text, _UNRESERVED)}" for name, text in pairs)


def _checked(reply: Reply) -> Reply:
    if reply.status < 400:
        return reply
    data = reply.read()
    try:
        message = str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        message = data.decode(errors="replace").strip() or f"status {reply.status}"
    raise ApiError(reply.status, message)


def _decoded(pieces: Iterable[bytes]) -> Iterator[str]:
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for piece in pieces:
        yield decoder.decode(piece)
