"""A client that builds over gRPC as buildx does: it answers for a directory, and directs the build itself."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pogu.dialects.buildkit.filesync import Sender
from pogu.dialects.buildkit.grpc import Channel, Connection, Incoming, Services
from pogu.dialects.buildkit.messages import control, gateway
from pogu.dialects.buildkit.messages import session as messages
from pogu.dialects.buildkit.messages.files import Packet
from pogu.dialects.buildkit.messages.status import Status
from pogu.dialects.buildkit.protobuf import decode, encode
from pogu.errors import PoguError
from pogu.linux.paths import open_root, opened
from tests.dialects.buildkit.wires import SocketWire

CONTROL = "/moby.buildkit.v1.Control"
BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge"


async def upgraded(socket: Path, path: str, headers: Mapping[str, str]) -> SocketWire:
    """Return a connection that the daemon has handed over for HTTP/2."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n{lines}\r\n"
    writer.write(head.encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return SocketWire(reader, writer)


class BuildClient:
    """Has an open session, and `channel` to call the daemon."""

    def __init__(self, channel: Channel, session: str) -> None:
        self.channel = channel
        self.session = session
        self.told: list[control.StatusResponse] = []

    async def build(self, attributes: dict[str, str], *exporters: control.Exporter) -> dict[str, str]:
        """Direct a build to its end; `told` then has what was told. Raises what the daemon says."""
        ref = secrets.token_hex(8)
        request = control.SolveRequest(ref=ref, session=self.session, exporters=list(exporters))
        async with asyncio.TaskGroup() as tasks:
            solving = tasks.create_task(self._outcome(request))
            tasks.create_task(self._follow(ref))
            tasks.create_task(self._direct(ref, attributes))
        outcome = solving.result()
        if isinstance(outcome, PoguError):
            raise outcome
        return outcome.exporter_response

    async def _outcome(self, request: control.SolveRequest) -> control.SolveResponse | PoguError:
        try:
            return await self.channel.unary(f"{CONTROL}/Solve", request, control.SolveResponse)
        except PoguError as e:
            return e

    async def _direct(self, ref: str, attributes: dict[str, str]) -> None:
        metadata = [(gateway.BUILD_ID, ref)]
        pong = await self.channel.unary(
            f"{BRIDGE}/Ping", gateway.PingRequest(), gateway.PongResponse, metadata=metadata
        )
        assert "return" in [capability.id for capability in pong.frontend_capabilities]
        returned = gateway.ReturnRequest()
        try:
            solved = await self.channel.unary(
                f"{BRIDGE}/Solve", gateway.SolveRequest(frontend="dockerfile.v0", frontend_opt=attributes),
                gateway.SolveResponse, metadata=metadata,
            )  # fmt: skip
            returned.result = solved.result
        except PoguError as e:
            returned.error = Status(code=2, message=e.message)
        await self.channel.unary(f"{BRIDGE}/Return", returned, gateway.ReturnResponse, metadata=metadata)

    async def _follow(self, ref: str) -> None:
        async with await self.channel.call(f"{CONTROL}/Status") as call:
            await call.send([encode(control.StatusRequest(ref=ref))], end=True)
            while batch := await call.receive():
                self.told += [decode(control.StatusResponse, message) for message in batch]


@asynccontextmanager
async def build_client(socket: Path, directory: Path) -> AsyncIterator[BuildClient]:
    """Yield a client that gives `directory` as its context and its Dockerfile's directory."""

    async def give_files(call: Incoming) -> None:
        with opened(open_root(directory)) as root:
            sender = Sender(root)
            try:
                while not sender.finished:
                    while packets := sender.more():
                        await call.send([decode(Packet, packet) for packet in packets])
                    sender.take(await call.receive())
                await call.send([decode(Packet, packet) for packet in sender.more()])
            finally:
                sender.close()

    async def health(call: Incoming) -> None:
        await call.request(messages.HealthCheckRequest)
        await call.send([messages.HealthCheckResponse(status=1)])

    identifier = secrets.token_hex(8)
    methods = {messages.SYNC_FILES: give_files, messages.HEALTH_CHECK: health}
    session = await upgraded(
        socket,
        "/session",
        {"X-Docker-Expose-Session-Uuid": identifier, "X-Docker-Expose-Session-Grpc-Method": messages.SYNC_FILES},
    )
    serving = asyncio.create_task(Services(methods).serve(session))
    wire = await upgraded(socket, "/grpc", {})
    connection = Connection(wire, client_side=True)
    carrying = asyncio.create_task(connection.run())
    try:
        yield BuildClient(Channel(connection), identifier)
    finally:
        connection.close()
        await session.close()
        await asyncio.gather(serving, carrying)
        await wire.close()
