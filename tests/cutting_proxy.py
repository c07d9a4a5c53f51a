"""A network that fails: a TCP proxy that cuts, slows down or stops what comes from a server."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator


class CuttingProxy:
    """Passes connections on to a server on this machine.

    `cuts` holds, for connections to come, after how many bytes from the server each is cut; once it is empty nothing
    is. `pause` is slept before each piece from the server is passed on.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.host = f"127.0.0.1:{self.port}"
        self.cuts: list[int] = []
        self.upward: list[int] = []  # the same for what goes to the server
        self.pause = 0.0
        self.cut = 0  # connections that were cut
        self.passed = 0  # bytes from the server
        self.held = threading.Event()  # while it is set nothing comes from the server
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            down, up = (cuts.pop(0) if cuts else None for cuts in (self.cuts, self.upward))
            threading.Thread(target=self._pass, args=(client, server, up, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, down, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, left: int | None, down: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                while down and self.held.is_set() and not self._closed:
                    time.sleep(0.01)
                if down:
                    time.sleep(self.pause)
                    self.passed += len(data)
                if left is not None and len(data) >= left:
                    target.sendall(data[:left])
                    self.cut += 1
                    break
                left = None if left is None else left - len(data)
                target.sendall(data)
        for s in (source, target):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            source.close()

    def close(self) -> None:
        self._closed = True
        self._listener.close()


@contextlib.contextmanager
def cutting_proxy(port: int) -> Iterator[CuttingProxy]:
    """A failing network in front of a port."""
    proxy = CuttingProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
