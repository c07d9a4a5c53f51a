"""A small HTTP server that hears from a forge (GitHub, Gitea, Forgejo, GitLab) that somebody has pushed.

A notice is never believed: it only makes the watch look at the repository at once. So its content is not read.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pogu.cli.building.watching.signatures import is_genuine
from pogu.cli.invoke import Failed

_LARGEST = 25 << 20  # bytes of a notice; what GitHub sends at most
_PATIENCE = 10  # seconds for a request


@contextlib.contextmanager
def listening(address: str, secret: bytes, notice: Callable[[], None]) -> Iterator[str]:
    """Listen at `[HOST]:PORT` for the time of the block, and yield the URL; `notice` is called in another thread.

    Raises:
        Failed: it cannot listen there, or anybody could send notices.
    """
    host, port = _split(address)
    if not secret and not _is_loopback(host):
        raise Failed(f"--webhook {address} needs --webhook-secret: whoever reaches it could make this machine work")
    try:
        server = _Server((host, port), _handler(secret, notice))
    except OSError as e:
        raise Failed(f"--webhook {address}: {e.strerror or e}") from None
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    try:
        bound = server.server_address
        shown = f"[{bound[0]!s}]" if ":" in str(bound[0]) else str(bound[0])
        yield f"http://{shown}:{bound[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, handler)


def _split(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise Failed(f"--webhook {address}: it must be [HOST]:PORT")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104 # as asked for


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _handler(secret: bytes, notice: Callable[[], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE
        server_version = "pogu"
        sys_version = ""

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal():
                self._answer(411, "the length of the notice is missing")
                return
            if int(length) > _LARGEST:
                self._answer(413, "the notice is too large")
                return
            body = self.rfile.read(int(length))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if secret and not is_genuine(headers, body, secret):
                self._answer(403, "the signature of the notice is wrong or missing")
                return
            notice()
            self._answer(202, "accepted")

        def do_GET(self) -> None:
            self._answer(405, "notices come with POST", [("Allow", "POST")])

        def _answer(self, status: int, text: str, headers: list[tuple[str, str]] | None = None) -> None:
            data = f"{text}\n".encode()
            self.send_response(status)
            for name, value in headers or []:
                self.send_header(name, value)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(data)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: the watch says what it does."""

    return Handler
