"""Builds over gRPC against a running daemon, step by step as buildx makes them."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest

from pogu.dialects.buildkit.messages import control, gateway
from pogu.dialects.buildkit.messages.ops import Definition
from pogu.dialects.buildkit.protobuf import decode, encode
from pogu.errors import Conflict, InvalidArgument, NotFound, PoguError, Unsupported
from tests.dialects.buildkit.build_client import BRIDGE, CONTROL, BuildClient, build_client
from tests.running import RunningDaemon


@pytest.fixture
def context(tmp_path: Path) -> Path:
    directory = tmp_path / "context"
    directory.mkdir()
    (directory / "data").write_text("some data\n")
    dockerfile = "FROM busybox\nARG WHO\nCOPY data /data\nRUN cat /data; echo for $WHO\n"
    (directory / "Dockerfile").write_text(dockerfile)
    return directory


async def test_a_build_that_the_client_directs(daemon: RunningDaemon, context: Path) -> None:
    name = f"t{secrets.token_hex(6)}:one"
    async with build_client(daemon.socket, context) as client:
        exporter = control.Exporter(type="moby", attrs={"name": f"{name},other-{name}"})
        response = await client.build({"build-arg:WHO": "me", "label:a": "b", "no-cache": ""}, exporter)
        told = client.told
        cached = await client.build({"build-arg:WHO": "me", "label:a": "b"}, exporter)
    image = daemon.docker("image", "inspect", "-f", '{{.Id}} {{index .Config.Labels "a"}}', name).out.split()
    assert image == [response["containerimage.digest"], "b"]
    assert response["image.name"] == f"{name},other-{name}"
    assert cached["containerimage.digest"] == response["containerimage.digest"]
    output = b"".join(log.msg for status in told for log in status.logs)
    assert output == b"some data\nfor me\n"
    last = {vertex.digest: vertex for status in told for vertex in status.vertexes}
    assert [v.name for v in last.values() if not v.completed or v.error] == []
    daemon.docker("rmi", name, f"other-{name}")


async def test_a_build_that_fails_says_why_on_both_ways(daemon: RunningDaemon, context: Path) -> None:
    (context / "Dockerfile").write_text("FROM busybox\nRUN echo here; exit 7\n")
    async with build_client(daemon.socket, context) as client:
        with pytest.raises(PoguError, match="did not complete successfully: exit code: 7") as caught:
            await client.build({})
        assert type(caught.value) is PoguError
    errors = [vertex.error for status in client.told for vertex in status.vertexes if vertex.error]
    assert errors
    assert "exit code: 7" in errors[-1]


async def test_a_build_without_output_gives_none(daemon: RunningDaemon, context: Path) -> None:
    async with build_client(daemon.socket, context) as client:
        assert await client.build({}) == {}


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"requestid": "frontend.outline"}, "unsupported request frontend.outline"),
        ({"platform": "linux/amd64,linux/arm64"}, "several platforms"),
        ({"ulimit": "nofile=x"}, "invalid ulimit"),
        ({"cache-imports": "{"}, "cache-imports"),
        ({"build-arg:SOURCE_DATE_EPOCH": "soon"}, "SOURCE_DATE_EPOCH"),
        ({"target": "absent"}, "absent"),
    ],
)
async def test_what_cannot_be_asked_for(
    daemon: RunningDaemon, context: Path, attributes: dict[str, str], why: str
) -> None:
    async with build_client(daemon.socket, context) as client:
        with pytest.raises(PoguError, match=why):
            await client.build(attributes, control.Exporter(type="moby"))


async def solve(client: BuildClient, **fields: object) -> control.SolveResponse:
    request = control.SolveRequest(ref=secrets.token_hex(8), session=client.session, **fields)  # type: ignore[arg-type]
    return await client.channel.unary(f"{CONTROL}/Solve", request, control.SolveResponse)


async def test_requests_that_are_not_for_a_dockerfile(daemon: RunningDaemon, context: Path) -> None:
    async with build_client(daemon.socket, context) as client:
        with pytest.raises(Unsupported, match="low-level"):
            await solve(client, definition=Definition(definition=[b"op"]))
        with pytest.raises(Unsupported, match="the frontend 'other' is not available"):
            await solve(client, frontend="other")
        with pytest.raises(PoguError, match="exporter 'odd' could not be found"):
            await solve(client, frontend="dockerfile.v0", exporters=[control.Exporter(type="odd")])
        with pytest.raises(InvalidArgument, match="no buildid"):
            await client.channel.unary(f"{BRIDGE}/Ping", gateway.PingRequest(), gateway.PongResponse)
        with pytest.raises(Unsupported, match="unknown method Session"):
            await client.channel.unary(f"{CONTROL}/Session", gateway.PingRequest(), gateway.PongResponse)
        with pytest.raises(NotFound, match="no such job nothing"):
            await client.channel.unary(
                f"{BRIDGE}/Ping", gateway.PingRequest(), gateway.PongResponse,
                metadata=[(gateway.BUILD_ID, "nothing")],
            )  # fmt: skip


async def test_one_reference_is_one_build(daemon: RunningDaemon, context: Path) -> None:
    async with build_client(daemon.socket, context) as client:
        request = encode(control.SolveRequest(ref=secrets.token_hex(8), session=client.session))
        async with await client.channel.call(f"{CONTROL}/Solve") as first:
            await first.send([request], end=True)
            async with await client.channel.call(f"{CONTROL}/Solve") as second:
                await second.send([request], end=True)
                done, _ = await asyncio.wait(
                    [asyncio.create_task(call.receive_rest()) for call in (first, second)],
                    return_when=asyncio.FIRST_COMPLETED,
                )
                assert isinstance(done.pop().exception(), Conflict)


async def test_what_the_builder_says_of_itself(daemon: RunningDaemon, context: Path) -> None:
    async with build_client(daemon.socket, context) as client:
        call = client.channel.unary
        workers = await call(f"{CONTROL}/ListWorkers", control.ListWorkersRequest(), control.ListWorkersResponse)
        assert [platform.os for platform in workers.record[0].platforms] == ["linux"]
        info = await call(f"{CONTROL}/Info", control.InfoRequest(), control.InfoResponse)
        assert info.version is not None
        assert info.version.package == "pogu"


async def test_the_cache_is_listed_and_pruned(daemon: RunningDaemon, context: Path) -> None:
    async with build_client(daemon.socket, context) as client:
        await client.build({"build-arg:WHO": "the cache"})
        used = await client.channel.unary(f"{CONTROL}/DiskUsage", control.DiskUsageRequest(), control.DiskUsageResponse)
        assert any("COPY data /data" in record.description for record in used.record)
        async with await client.channel.call(f"{CONTROL}/Prune") as call:
            await call.send([encode(control.PruneRequest(all=True))], end=True)
            gone = [decode(control.UsageRecord, message).id for message in await call.receive_rest()]
        assert set(gone) >= {record.id for record in used.record if not record.in_use}
