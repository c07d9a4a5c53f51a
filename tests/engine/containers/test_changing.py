"""Rename, update, resize, connect, disconnect."""

from __future__ import annotations

import pytest

from pogu.engine.model import EndpointIPAM, EndpointSettings, HostConfig, RestartPolicy
from pogu.errors import Conflict, Forbidden, InvalidArgument, NotFound
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_rename(bench: Bench) -> None:
    id_ = await bench.create("true", name="before")
    await bench.containers.rename("before", "after")
    assert bench.containers.get("after").id == id_
    with pytest.raises(NotFound):
        bench.containers.get("before")
    await bench.create("true", name="before")
    event = next(e for e in bench.events if e.action == "rename")
    assert (event.attributes["oldName"], event.attributes["name"]) == ("/before", "after")


async def test_rename_refusals(bench: Bench) -> None:
    id_ = await bench.create("true", name="one")
    await bench.create("true", name="two")
    with pytest.raises(Conflict, match='The container name "/two" is already in use by container'):
        await bench.containers.rename(id_, "two")
    with pytest.raises(InvalidArgument, match="Neither old nor new names may be empty"):
        await bench.containers.rename(id_, "")
    with pytest.raises(InvalidArgument, match="same name as its current name"):
        await bench.containers.rename(id_, "/one")
    with pytest.raises(InvalidArgument, match=r"Invalid container name \(/a b\)"):
        await bench.containers.rename(id_, "a b")
    assert bench.containers.get("one").id == id_


async def test_limits_of_a_running_container(bench: Bench) -> None:
    id_ = await bench.start(*LONG, host=HostConfig(memory=32 << 20))
    await bench.containers.update(id_, {"memory": 64 << 20, "memory_swap": 64 << 20, "cpu_shares": 512}, None)
    host = bench.containers.get(id_).host_config
    assert (host.memory, host.cpu_shares) == (64 << 20, 512)
    sample = await anext(bench.containers.stats(id_, stream=False, one_shot=True))
    assert sample["memory_stats"]["limit"] == 64 << 20
    assert "update" in bench.actions(id_)


async def test_a_restart_policy_can_be_taken_away(bench: Bench) -> None:
    policy = RestartPolicy(name="always")
    id_ = await bench.start("sh", "-c", "exit 1", host=HostConfig(restart_policy=policy))
    await bench.containers.update(id_, {}, RestartPolicy(name="no"))
    await bench.until(lambda: not bench.containers.get(id_).state.running)


async def test_update_refusals(bench: Bench) -> None:
    id_ = await bench.create("true", host=HostConfig(memory=32 << 20, nano_cpus=10**9, auto_remove=True))
    with pytest.raises(InvalidArgument, match="Minimum memory limit allowed is 6MB"):
        await bench.containers.update(id_, {"memory": 1 << 20})
    with pytest.raises(Conflict, match=f"Cannot update container {id_}: Memory limit should be smaller than already"):
        await bench.containers.update(id_, {"memory": 128 << 20})
    with pytest.raises(Conflict, match="CPU Period cannot be updated as NanoCPUs has already been set"):
        await bench.containers.update(id_, {"cpu_period": 50_000})
    with pytest.raises(Conflict, match="Restart policy cannot be updated because AutoRemove is enabled"):
        await bench.containers.update(id_, {}, RestartPolicy(name="always"))
    assert bench.containers.get(id_).host_config.memory == 32 << 20


async def test_update_refuses_swap_that_no_container_could_start_with(bench: Bench) -> None:
    plain, limited = await bench.create("true"), await bench.create("true", host=HostConfig(memory=32 << 20))
    with pytest.raises(Conflict, match="You should always set the Memory limit when using Memoryswap limit"):
        await bench.containers.update(plain, {"memory_swap": 64 << 20})
    with pytest.raises(Conflict, match="Minimum memoryswap limit should be larger than memory limit"):
        await bench.containers.update(limited, {"memory_swap": 16 << 20})


async def test_resize_needs_a_running_container(bench: Bench) -> None:
    id_ = await bench.create("true", tty=True)
    with pytest.raises(Conflict, match="is not running"):
        await bench.containers.resize(id_, 10, 10)


async def test_connecting_a_stopped_container(bench: Bench) -> None:
    await bench.engine.networks.create("later")
    id_ = await bench.create("ls", "/sys/class/net")
    await bench.containers.connect("later", id_, EndpointSettings())
    assert (await bench.finish(id_)).stdout.split() == [b"eth0", b"eth1", b"lo"]
    await bench.containers.disconnect("later", id_)
    assert set(bench.containers.get(id_).networks) == {"bridge"}
    await bench.engine.networks.remove("later")


async def test_connect_refusals(bench: Bench) -> None:
    id_ = await bench.create("true")
    with pytest.raises(NotFound, match="network nosuch not found"):
        await bench.containers.connect("nosuch", id_)
    with pytest.raises(Forbidden, match="already exists in network bridge"):
        await bench.containers.connect("bridge", id_)
    with pytest.raises(InvalidArgument, match="cannot connect container to host network"):
        await bench.containers.connect("host", id_)
    with pytest.raises(InvalidArgument, match="private \\(none\\) mode"):
        await bench.containers.connect("none", id_)
    shared = await bench.create("true", host=HostConfig(network_mode="host"))
    with pytest.raises(InvalidArgument, match="cannot be connected to any other network"):
        await bench.containers.connect("bridge", shared)
    with pytest.raises(Conflict, match="is not connected to network none"):
        await bench.containers.disconnect("none", id_)
    bad = EndpointSettings(ipam_config=EndpointIPAM(ipv4_address="1.2.3"))
    with pytest.raises(InvalidArgument, match=r"invalid IPv4 address: 1\.2\.3"):
        await bench.containers.connect("bridge", id_, bad)
