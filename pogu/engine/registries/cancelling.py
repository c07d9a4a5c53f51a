"""Ending what other threads are waiting for: sockets are shut, pauses are cut short."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

from pogu.errors import Cancelled


class Canceller:
    """One piece of work that can be given up. `cancel` may be called from any thread, more than once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._sockets: set[socket.socket] = set()

    @property
    def cancelled(self) -> bool:
        """Whether the work has been given up."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Make every wait that uses this object fail, now and later."""
        with self._lock:
            self._event.set()
            for s in self._sockets:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(s, socket.SHUT_RDWR)  # beneath TLS: the thread in it has its state

    def check(self) -> None:
        """Raise Cancelled if the work was given up."""
        if self._event.is_set():
            raise Cancelled("the request was cancelled")

    @contextlib.contextmanager
    def watching(self, s: socket.socket) -> Iterator[None]:
        """Let `cancel` shut this socket while the block runs."""
        with self._lock:
            self.check()
            self._sockets.add(s)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.discard(s)

    def sleep(self, seconds: float) -> None:
        """Wait; raises Cancelled as soon as the work is given up."""
        self._event.wait(seconds)
        self.check()
