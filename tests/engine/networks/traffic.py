"""Little servers and clients inside namespaces, for tests of what reaches what."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pogu.linux import namespaces

SECONDS = 5.0
SHORT = 0.5  # seconds, for what must not be reached


def _socket(family: int, kind: int, seconds: float = SECONDS) -> socket.socket:
    sock = socket.socket(family, kind)
    sock.settimeout(seconds)
    return sock


@contextmanager
def tcp_server(path: Path, port: int, name: str, family: int = socket.AF_INET) -> Iterator[list[str]]:
    """Answer each connection in a namespace with `name`; yields the list of the clients' addresses."""

    def listen() -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
        sock.listen()
        return sock

    listener = namespaces.inside(path, listen)
    clients: list[str] = []

    def serve() -> None:
        while True:
            try:
                sock, address = listener.accept()
            except OSError:
                return
            with sock:
                clients.append(address[0])
                sock.sendall(name.encode())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield clients
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


@contextmanager
def udp_server(path: Path, port: int, name: str) -> Iterator[None]:
    """Answer each datagram in a namespace with `name`."""

    def bind() -> socket.socket:
        sock = _socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("0.0.0.0", port))
        return sock

    sock = namespaces.inside(path, bind)
    stop = threading.Event()

    def serve() -> None:
        sock.settimeout(0.05)
        while not stop.is_set():
            try:
                _data, address = sock.recvfrom(100)
            except TimeoutError:
                continue
            sock.sendto(name.encode(), address)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        sock.close()


async def ask(
    address: str, port: int, path: Path | None = None, kind: int = socket.SOCK_STREAM, seconds: float = SECONDS
) -> str:
    """Return what the server at an address says to a client on the host, or in a namespace; raises OSError."""

    def client() -> str:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with _socket(family, kind, seconds) as sock:
            sock.connect((address, port))
            if kind == socket.SOCK_DGRAM:
                sock.send(b"?")
            return sock.recv(100).decode()

    return await asyncio.to_thread(namespaces.inside, path, client) if path else await asyncio.to_thread(client)
