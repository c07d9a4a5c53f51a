"""Every test of the server runs on both event loops, and where sockets matter over local, TCP and TLS ones."""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
import uvloop

from pogu.http import Handler, Limits, Server
from tests.http.wire import Wire


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@dataclass
class Certificates:
    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="session")
def certificates(authority: trustme.CA) -> Certificates:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(server)
    server.verify_mode = ssl.CERT_OPTIONAL
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return Certificates(server, client)


@pytest.fixture
def short_dir() -> Iterator[Path]:
    """A directory whose name is short enough for socket paths."""
    path = Path(tempfile.mkdtemp(prefix="pgh"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(params=["unix", "tcp", "tls"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclass
class Served:
    """A running server and a way to reach it."""

    server: Server
    address: str
    certificates: Certificates | None
    wires: list[Wire] = field(default_factory=list)

    async def connect(self) -> Wire:
        url = urlsplit(self.address)
        if url.scheme == "unix":
            wire = Wire(*await asyncio.open_unix_connection(url.path))
        else:
            wire = Wire(*await asyncio.open_connection(url.hostname, url.port))
        self.wires.append(wire)
        if self.certificates is not None:
            await wire.start_tls(self.certificates.client, "localhost")
        return wire

    async def wait_idle(self) -> None:
        """Until every connection is gone."""
        async with asyncio.timeout(20):
            while self.server.connections:
                await asyncio.sleep(0.01)


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture
async def open_server(short_dir: Path, certificates: Certificates) -> AsyncIterator[Serve]:
    """Start servers of any kind; afterwards they are closed and must have let everything go."""
    running: list[Served] = []

    async def start(handler: Handler, kind: str = "unix", **limits: float) -> Served:
        server = Server(handler, Limits(**limits))  # type: ignore[arg-type]
        if kind == "unix":
            served = Served(server, await server.listen_unix(short_dir / f"{len(running)}.sock"), None)
        elif kind == "tcp":
            served = Served(server, await server.listen_tcp("127.0.0.1", 0), None)
        else:
            served = Served(server, await server.listen_tcp("127.0.0.1", 0, ssl=certificates.server), certificates)
        running.append(served)
        return served

    yield start
    for served in running:
        for wire in served.wires:
            wire.writer.transport.abort()
        await served.server.close(0)
        assert served.server.connections == 0
    await asyncio.sleep(0)


@pytest.fixture
def serve(open_server: Serve, kind: str) -> Serve:
    """`open_server` for one kind of socket; the test runs once for each kind."""

    async def start(handler: Handler, **limits: float) -> Served:
        return await open_server(handler, kind, **limits)

    return start


@pytest.fixture(autouse=True)
def nothing_goes_wrong_unseen(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """An error in the log fails the test, unless it is marked to expect one."""
    yield
    errors = [r for r in caplog.get_records("call") + caplog.get_records("teardown") if r.levelno >= logging.ERROR]
    if request.node.get_closest_marker("logs_errors") is None:
        assert not errors, [record.getMessage() for record in errors]
    else:
        assert errors


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "logs_errors: the code under test is expected to log an error")
