from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from pogu.http import Request, Response, Server
from tests.http.conftest import Certificates, Serve
from tests.http.wire import Wire, request


async def ok(_: Request) -> Response:
    return Response(body=b"OK")


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_each_version_and_ending_one_direction(
    open_server: Serve, authority: trustme.CA, version: ssl.TLSVersion
) -> None:
    async def handler(asked: Request) -> None:
        stream = await asked.take_over()
        received = b""
        while data := await stream.read():
            received += data
        await stream.write(b"got " + received)

    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.minimum_version = context.maximum_version = version
    served = await open_server(handler, "tls")
    wire = Wire(*await asyncio.open_connection("127.0.0.1", port_of(served.address)))
    await wire.start_tls(context, "localhost")
    await wire.send(request("/", "Connection: Upgrade", "Upgrade: tcp") + b"x")
    await wire.send(b"y")
    await wire.end()
    assert (await wire.read_all()).endswith(b"got xy")
    wire.close()
    await served.wait_idle()


async def test_the_event_loops_own_client(open_server: Serve, certificates: Certificates) -> None:
    served = await open_server(ok, "tls")
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port_of(served.address), ssl=certificates.client, server_hostname="localhost"
    )
    writer.write(request("/", "Connection: close"))
    assert (await reader.read()).endswith(b"OK")
    writer.close()
    await writer.wait_closed()
    await served.wait_idle()


async def test_bytes_that_are_no_tls(open_server: Serve) -> None:
    served = await open_server(ok, "tls")
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(served.address))
    writer.write(request())
    try:
        assert b"OK" not in await reader.read()
    except ConnectionResetError:
        pass
    writer.close()


async def test_a_client_that_does_not_trust_the_server(open_server: Serve) -> None:
    served = await open_server(ok, "tls")
    wire = Wire(*await asyncio.open_connection("127.0.0.1", port_of(served.address)))
    with pytest.raises(ssl.SSLCertVerificationError):
        await wire.start_tls(ssl.create_default_context(), "localhost")
    wire.close()


async def test_a_client_without_the_certificate_it_needs(authority: trustme.CA, certificates: Certificates) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    asked: list[Request] = []

    async def handler(request: Request) -> Response:
        asked.append(request)
        return Response()

    server = Server(handler)
    wire = Wire(*await asyncio.open_connection("127.0.0.1", port_of(await server.listen_tcp("127.0.0.1", 0, context))))
    with pytest.raises((ssl.SSLError, OSError)):
        await wire.start_tls(certificates.client, "localhost")
        await wire.send(request())
        while await wire.read():
            pass
        raise ssl.SSLError("ended without an alert")
    assert not asked
    wire.close()
    await server.close(0)


async def test_a_handshake_that_does_not_come(open_server: Serve) -> None:
    served = await open_server(ok, "tls", header_seconds=0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(served.address))
    try:
        async with asyncio.timeout(10):
            assert await reader.read() == b""
    except ConnectionResetError:
        pass
    writer.close()


async def test_a_connection_cut_without_close_notify(open_server: Serve) -> None:
    ended = asyncio.Event()

    async def handler(asked: Request) -> None:
        stream = await asked.take_over()
        while await stream.read():
            pass
        ended.set()

    served = await open_server(handler, "tls")
    wire = await served.connect()
    await wire.send(request("/", "Connection: Upgrade", "Upgrade: tcp"))
    await wire.read_until(b"\r\n\r\n")
    wire.close()
    async with asyncio.timeout(10):
        await ended.wait()
    await served.wait_idle()
