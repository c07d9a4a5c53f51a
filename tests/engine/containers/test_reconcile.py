"""The start of an engine on what an earlier one left."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pogu.engine.model import Container, HealthConfig, HostConfig, PortBinding, RestartPolicy
from pogu.engine.state import Delete, Put, StateStore
from pogu.errors import NotFound
from tests.engine.containers.conftest import LONG, Bench, close_bench, open_bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def own(own_network: None, busybox_tar: Path) -> AsyncIterator[Bench]:
    bench = await open_bench(busybox_tar)
    try:
        yield bench
    finally:
        await close_bench(bench)


async def away(bench: Bench) -> StateStore:
    """Stop the engine, and return its state to be looked at and changed while it is away."""
    if bench.listener:
        bench.listener.cancel()
    await bench.engine.stop()
    return StateStore(bench.config.root / "state.db")


async def test_a_running_container_is_taken_up_with_everything(own: Bench) -> None:
    host = HostConfig(port_bindings={"80/tcp": [PortBinding(host_port="7090")]}, binds=["kept:/kept"])
    id_ = await own.start(
        *LONG, name="ada", host=host, healthcheck=HealthConfig(test=["CMD", "true"], interval=20_000_000)
    )
    before = own.containers.get(id_)
    await own.restart()
    after = own.containers.get("ada")
    assert after.state.pid == before.state.pid
    assert after.state.status == "running"
    assert after.networks["bridge"].ip_address == before.networks["bridge"].ip_address
    assert after.ports == before.ports
    assert await own.text(id_, "echo", "still here") == "still here\n"
    await own.until(lambda: "health_status: healthy" in own.actions(id_))
    await own.containers.stop(id_)
    assert own.containers.get(id_).state.exit_code == 5
    wanted = ["kill", "die", "stop"]
    await own.until(lambda: [a for a in own.actions(id_) if a in wanted] == wanted)
    await own.until(lambda: not (own.config.run / "rootfs" / id_).exists())


async def test_logs_go_on_where_they_were(own: Bench) -> None:
    from pogu.engine.logs import LogOptions

    id_ = await own.start("sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done")
    await own.until(lambda: b"F 5\n" in own.spool(id_))
    await own.restart()
    await own.until(lambda: b"F 30\n" in own.spool(id_))
    await own.containers.kill(id_)
    lines = [line.data async for batch in own.containers.logs(id_, LogOptions()) for line in batch]
    assert lines == [b"%d\n" % n for n in range(len(lines))]


async def test_one_that_ended_meanwhile_gets_its_exit_code_and_events(own: Bench) -> None:
    id_ = await own.start("sh", "-c", "trap 'exit 23' USR1; echo set; while :; do sleep 0.05; done")
    await own.until(lambda: own.spool(id_).endswith(b"set\n"))
    pid = own.containers.get(id_).state.pid
    (await away(own)).close()
    os.kill(pid, signal.SIGUSR1)
    exit_file = own.config.root / "containers" / id_ / "exit" / "exit"
    await own.until(exit_file.exists)
    await own.begin()
    result = await own.exit_of(id_)
    assert result.code == 23
    assert own.containers.get(id_).state.status == "exited"
    await own.until(lambda: own.actions(id_) == ["die"])
    assert (await own.finish(await own.create("true"))).code == 0


async def test_rm_is_done_for_one_that_ended_meanwhile(own: Bench) -> None:
    id_ = await own.start("sleep", "100", host=HostConfig(auto_remove=True))
    pid = own.containers.get(id_).state.pid
    (await away(own)).close()
    os.kill(pid, signal.SIGKILL)
    await own.begin()
    await own.until(lambda: "destroy" in own.actions(id_))
    with pytest.raises(NotFound):
        own.containers.get(id_)


async def test_policies_restart_what_ended_meanwhile(own: Bench) -> None:
    id_ = await own.start(*LONG, host=HostConfig(restart_policy=RestartPolicy(name="unless-stopped")))
    pid = own.containers.get(id_).state.pid
    (await away(own)).close()
    os.kill(pid, signal.SIGKILL)
    await own.begin()
    await own.until(lambda: own.containers.get(id_).state.pid not in (0, pid))
    await own.until(lambda: own.actions(id_) == ["die", "start"])


async def test_a_launch_that_nobody_acknowledged_is_removed(own: Bench) -> None:
    id_ = await own.start(*LONG)
    record = own.containers.get(id_)
    pid = record.state.pid
    state = await away(own)
    record.state.running, record.state.status, record.state.pid = False, "created", 0
    await state.commit(Put("container", id_, record.encode()))
    state.close()
    await own.begin()
    await own.until(lambda: not Path(f"/proc/{pid}").exists())
    assert own.containers.get(id_).state.status == "created"
    assert not (own.config.run / "rootfs" / id_).exists()
    assert not (own.config.run / "netns" / id_).exists()
    assert (await own.finish(await own.create("true"))).code == 0
    await own.containers.start(id_)


async def test_an_unacknowledged_create_leaves_nothing(own: Bench) -> None:
    id_ = await own.create("true")
    state = await away(own)
    await state.commit(Delete("container", id_))
    state.close()
    await own.begin()
    assert id_ not in own.engine.storage.containers()
    assert not (own.config.root / "containers" / id_).exists()


async def test_an_interrupted_removal_is_finished(own: Bench) -> None:
    import msgspec

    id_ = await own.create("true", host=HostConfig(binds=["/anonymous"]))
    record: Container = own.containers.get(id_)
    (volume,) = (p.name for p in record.mounts)
    state = await away(own)
    tombstone = msgspec.json.encode({"record": msgspec.to_builtins(record), "volumes": [volume]})
    await state.commit(Delete("container", id_), Put("container-removed", id_, tombstone))
    state.close()
    await own.begin()
    with pytest.raises(NotFound):
        own.containers.get(id_)
    with pytest.raises(NotFound):
        own.engine.volumes.get(volume)
    assert id_ not in own.engine.storage.containers()
    assert not (own.config.root / "containers" / id_).exists()
    assert own.engine.state.load("container-removed") == []


async def test_after_a_reboot_policies_decide(own: Bench) -> None:
    def policy(name: str) -> HostConfig:
        return HostConfig(restart_policy=RestartPolicy(name=name))

    plain = await own.start(*LONG, name="plain")
    always = await own.start(*LONG, name="always", host=policy("always"))
    stopped = await own.start(*LONG, name="stopped", host=policy("unless-stopped"))
    by_hand = await own.start(*LONG, name="by-hand", host=policy("always"))
    never = await own.create(*LONG, name="never", host=policy("always"))
    await own.containers.stop(stopped)
    await own.containers.stop(by_hand)
    pids = [own.containers.get(i).state.pid for i in (plain, always)]
    state = await away(own)
    await state.commit(Put("meta", "boot-id", b"another boot"))
    state.close()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        await own.until(lambda p=pid: not Path(f"/proc/{p}").exists())  # type: ignore[misc]
    for name in ("runtime", "crun", "runc"):
        shutil.rmtree(own.config.run / name, ignore_errors=True)
    for i in (plain, always):
        (own.config.root / "containers" / i / "exit" / "exit").unlink(missing_ok=True)
    await own.begin()
    await own.until(lambda: own.containers.get("always").state.running and own.containers.get("by-hand").state.running)
    await own.until(lambda: not own.containers.get("plain").state.running)
    assert own.containers.get("plain").state.exit_code == 255
    assert not own.containers.get(stopped).state.running
    assert own.containers.get(never).state.status == "created"
    await own.until(lambda: own.actions(always) == ["die", "start"])


async def test_an_interrupted_restart_goes_on(own: Bench) -> None:
    id_ = await own.start("sh", "-c", "sleep 0.2; exit 1", host=HostConfig(restart_policy=RestartPolicy(name="always")))
    await own.until(lambda: own.containers.get(id_).state.restarting)
    await own.restart()
    await own.until(lambda: "start" in own.actions(id_))


async def test_a_stop_with_the_containers_and_a_new_start(own: Bench) -> None:
    policy = HostConfig(restart_policy=RestartPolicy(name="unless-stopped"))
    id_ = await own.start(*LONG, host=policy)
    plain = await own.start(*LONG)
    if own.listener:
        own.listener.cancel()
    await own.engine.stop(stop_containers=True)
    await own.begin()
    await own.until(lambda: own.containers.get(id_).state.running)
    assert own.containers.get(plain).state.exit_code == 5
