from __future__ import annotations

import asyncio
import os
import ssl

import trustme

from pogu.http import Peer, Request, Response
from tests.http.conftest import Serve
from tests.http.wire import Wire, request


async def test_who_is_asking(serve: Serve, kind: str) -> None:
    peers: list[Peer] = []

    async def handler(asked: Request) -> Response:
        peers.append(asked.peer)
        return Response()

    wire = await (await serve(handler)).connect()
    await wire.send(request())
    await wire.answer()
    (peer,) = peers
    assert peer.kind == kind and peer.certificate is None
    if kind == "unix":
        assert (peer.pid, peer.uid, peer.gid, peer.address) == (os.getpid(), os.getuid(), os.getgid(), "")
    else:
        host, port = wire.writer.get_extra_info("sockname")
        assert (peer.pid, peer.uid, peer.gid, peer.address) == (None, None, None, f"{host}:{port}")


async def test_a_clients_certificate(open_server: Serve, authority: trustme.CA) -> None:
    peers: list[Peer] = []

    async def handler(asked: Request) -> Response:
        peers.append(asked.peer)
        return Response()

    context = ssl.create_default_context()
    authority.configure_trust(context)
    authority.issue_cert("someone@example.org", common_name="someone").configure_cert(context)
    served = await open_server(handler, "tls")
    wire = Wire(*await asyncio.open_connection("127.0.0.1", int(served.address.rpartition(":")[2])))
    await wire.start_tls(context, "localhost")
    await wire.send(request())
    assert (await wire.answer()).status == 200
    assert peers[0].certificate is not None
    assert (("commonName", "someone"),) in peers[0].certificate["subject"]
    wire.close()
