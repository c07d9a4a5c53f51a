"""`ps` and its filters."""

from __future__ import annotations

import pytest

from pogu.engine.model import HealthConfig, HostConfig, PortBinding
from pogu.errors import InvalidArgument, NotFound
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


def names(bench: Bench, **filters: str | list[str]) -> list[str]:
    chosen = {k.replace("_", "-"): [v] if isinstance(v, str) else v for k, v in filters.items()}
    return [c.name for c in bench.containers.list(all=True, filters=chosen)]


async def test_every_filter(bench: Bench) -> None:
    one = await bench.create("sh", "-c", "exit 3", name="one", labels={"a": "1", "b": ""}, exposed_ports={"53/udp": {}})
    await bench.finish(one)
    two = await bench.create(
        "true",
        name="two",
        labels={"a": "2"},
        host=HostConfig(binds=["vol:/v", "/tmp:/t"], port_bindings={"80/tcp": [PortBinding()]}),
    )
    three = await bench.start(
        *LONG, name="three", healthcheck=HealthConfig(test=["CMD", "true"]), host=HostConfig(network_mode="none")
    )
    assert names(bench) == ["three", "two", "one"]
    assert [c.name for c in bench.containers.list()] == ["three"]
    assert [c.name for c in bench.containers.list(limit=2)] == ["three", "two"]
    expected: list[tuple[dict[str, str | list[str]], list[str]]] = [
        ({"id": two[:10]}, ["two"]),
        ({"id": [one, three]}, ["three", "one"]),
        ({"name": "t"}, ["three", "two"]),
        ({"name": "^/one$"}, ["one"]),
        ({"name": "^t.o$"}, ["two"]),
        ({"name": "["}, []),
        ({"label": "a"}, ["two", "one"]),
        ({"label": "a=2"}, ["two"]),
        ({"label": ["a", "b"]}, ["one"]),
        ({"exited": "3"}, ["one"]),
        ({"exited": "0"}, []),
        ({"status": "created"}, ["two"]),
        ({"status": ["running", "exited"]}, ["three", "one"]),
        ({"ancestor": "busybox"}, ["three", "two", "one"]),
        ({"ancestor": "nosuch"}, []),
        ({"before": "two"}, ["one"]),
        ({"since": "two"}, ["three"]),
        ({"since": "one", "before": "three"}, ["two"]),
        ({"volume": "vol"}, ["two"]),
        ({"volume": "/t"}, ["two"]),
        ({"network": "none"}, ["three"]),
        ({"network": "bridge"}, ["two", "one"]),
        ({"publish": "80"}, []),
        ({"expose": "53/udp"}, []),
        ({"health": "starting"}, ["three"]),
        ({"health": "none"}, ["two", "one"]),
        ({"is_task": "true"}, []),
        ({"is_task": "false"}, ["three", "two", "one"]),
        ({"isolation": "default"}, ["three", "two", "one"]),
        ({"isolation": "hyperv"}, []),
    ]
    for filters, found in expected:
        assert names(bench, **filters) == found, filters


async def test_ports_are_those_that_are_shown(bench: Bench) -> None:
    id_ = await bench.start(
        *LONG, name="web", host=HostConfig(port_bindings={"80/tcp": [PortBinding(host_ip="127.0.0.1")]})
    )
    bindings = bench.containers.get(id_).ports["80/tcp"]
    assert bindings
    port = int(bindings[0].host_port or 0)
    assert names(bench, publish=str(port)) == ["web"]
    assert names(bench, publish=f"{port - 1}-{port}/tcp") == ["web"]
    assert names(bench, publish=f"{port}/udp") == []
    assert names(bench, publish="80") == []  # the host's port is meant, as dockerd reads it
    assert names(bench, expose="80/tcp") == ["web"]
    assert names(bench, expose="81", publish=str(port)) == ["web"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("exited", "x", "invalid filter 'exited=x'"),
        ("status", "asleep", "invalid filter 'status=asleep'"),
        ("health", "ill", "invalid filter 'health=ill'"),
        ("publish", "1:2", "filter for 'publish' should not contain ':': 1:2"),
        ("expose", "x", "error while looking up for expose x"),
        ("is_task", "maybe", "invalid filter 'is-task=maybe'"),
    ],
)
async def test_refusals(bench: Bench, key: str, value: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        names(bench, **{key: value})


async def test_unknown_neighbours(bench: Bench) -> None:
    with pytest.raises(NotFound, match="No such container: nosuch"):
        names(bench, before="nosuch")


async def test_a_pattern_cannot_stall_the_engine(bench: Bench) -> None:
    await bench.create("true", name="a" * 60)
    assert names(bench, name="(a+)+$b") == []


async def test_names_ids_and_beginnings(bench: Bench) -> None:
    id_ = await bench.create("true", name="ada")
    for ref in (id_, id_[:5], "ada", "/ada"):
        assert bench.containers.get(ref).id == id_
    with pytest.raises(InvalidArgument, match='invalid name or ID supplied: ""'):
        bench.containers.get("")
    for ref in ("adx", "/", "x" * 70):
        with pytest.raises(NotFound, match="No such container"):
            bench.containers.get(ref)
