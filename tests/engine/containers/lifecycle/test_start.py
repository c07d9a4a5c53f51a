"""Starting and restarting."""

from __future__ import annotations

import asyncio

import pytest

from pogu.engine.containers import AttachOptions
from pogu.engine.model import EndpointSettings, HostConfig, PortBinding
from pogu.errors import CommandNotExecutable, CommandNotFound, Conflict, InvalidArgument, NotFound, NotModified
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_program_runs_and_its_output_and_exit_code_are_seen(bench: Bench) -> None:
    done = await bench.run("sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


async def test_state_while_running_and_after(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    state = bench.containers.get(id_).state
    assert (state.status, state.running) == ("running", True)
    assert state.pid > 1
    assert bench.containers.get(id_).networks["bridge"].ip_address
    await bench.containers.stop(id_)
    state = bench.containers.get(id_).state
    assert (state.status, state.running, state.exit_code, state.pid) == ("exited", False, 5, 0)
    assert state.finished_at > state.started_at
    assert not bench.containers.get(id_).networks["bridge"].ip_address


async def test_a_second_start_is_not_modified(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    with pytest.raises(NotModified):
        await bench.containers.start(id_)


async def test_an_ended_container_starts_again_with_its_files(bench: Bench) -> None:
    id_ = await bench.create("sh", "-c", "echo x >> /count; wc -l < /count")
    assert (await bench.finish(id_)).stdout == b"1\n"
    assert (await bench.finish(id_)).stdout == b"2\n"


async def test_events_of_a_whole_life(bench: Bench) -> None:
    id_ = await bench.create("sh", "-c", "exit 3", labels={"a": "b"}, name="ada")
    await bench.containers.start(id_)
    await bench.exit_of(id_)
    await bench.containers.remove(id_)
    assert bench.actions(id_) == ["create", "start", "die", "destroy"]
    die = next(e for e in bench.events if e.action == "die")
    assert dict(die.attributes) == {
        "a": "b", "image": "busybox", "name": "ada", "exitCode": "3", "execDuration": "0",
    }  # fmt: skip


async def test_a_missing_program(bench: Bench) -> None:
    id_ = await bench.create("nosuch")
    with pytest.raises(CommandNotFound, match=r'exec: "nosuch": executable file not found in \$PATH: unknown'):
        await bench.containers.start(id_)
    state = bench.containers.get(id_).state
    assert (state.status, state.exit_code) == ("created", 127)
    assert "nosuch" in state.error


async def test_a_program_that_cannot_be_executed(bench: Bench) -> None:
    id_ = await bench.create("/etc")
    with pytest.raises(CommandNotExecutable):
        await bench.containers.start(id_)
    assert bench.containers.get(id_).state.exit_code == 126


async def test_a_failed_start_leaves_nothing_and_can_be_tried_again(bench: Bench) -> None:
    id_ = await bench.create("cat", "/x/y", host=HostConfig(port_bindings={"80/tcp": [PortBinding(host_port="7077")]}))
    other = await bench.start(*LONG, host=HostConfig(port_bindings={"80/tcp": [PortBinding(host_port="7077")]}))
    with pytest.raises(Conflict, match="7077"):
        await bench.containers.start(id_)
    assert bench.containers.get(id_).ports == {}
    assert not (bench.config.run / "rootfs" / id_).exists()
    assert not (bench.config.run / "netns" / id_).exists()
    await bench.containers.remove(other, force=True)
    assert (await bench.finish(id_)).code == 1


async def test_an_attached_client_of_a_failed_start_sees_the_end(bench: Bench) -> None:
    id_ = await bench.create("nosuch")
    session = await bench.containers.attach(id_, AttachOptions(stdout=True, stream=True))
    with pytest.raises(CommandNotFound):
        await bench.containers.start(id_)
    assert [piece async for piece in session.output] == []


async def test_rm_removes_a_container_that_could_not_start(bench: Bench) -> None:
    id_ = await bench.create("nosuch", host=HostConfig(auto_remove=True))
    removed = bench.containers.wait_handle(id_, "removed")
    with pytest.raises(CommandNotFound):
        await bench.containers.start(id_)
    assert (await removed).code == 127
    with pytest.raises(NotFound):
        bench.containers.get(id_)


async def test_unknown_user(bench: Bench) -> None:
    id_ = await bench.create("true", user="nobodyhere")
    with pytest.raises(InvalidArgument, match="unable to find user nobodyhere: no matching entries in passwd file"):
        await bench.containers.start(id_)


async def test_unknown_network(bench: Bench) -> None:
    id_ = await bench.create("true", host=HostConfig(network_mode="nosuchnet"))
    with pytest.raises(NotFound, match="network nosuchnet not found"):
        await bench.containers.start(id_)


async def test_restart_stops_and_starts(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    pid = bench.containers.get(id_).state.pid
    bench.events.clear()
    await bench.containers.restart(id_, timeout=5)
    assert bench.containers.get(id_).state.pid not in (0, pid)
    assert bench.actions(id_) == ["kill", "die", "stop", "start", "restart"]


async def test_restart_of_a_stopped_container_starts_it(bench: Bench) -> None:
    id_ = await bench.create(*LONG)
    await bench.containers.restart(id_)
    assert bench.containers.get(id_).state.running


async def test_restart_of_a_rm_container_does_not_remove_it(bench: Bench) -> None:
    id_ = await bench.start(*LONG, host=HostConfig(auto_remove=True))
    await bench.containers.restart(id_, timeout=5)
    assert bench.containers.get(id_).state.running


async def test_environment_and_working_directory(bench: Bench) -> None:
    done = await bench.run("sh", "-c", "pwd; env", env=["A=b=c", "HOME=/tmp"], working_dir="/w/d", hostname="hal")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "/w/d"
    assert {"A=b=c", "HOME=/tmp", "HOSTNAME=hal", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"} <= set(lines)


async def test_user_and_groups(bench: Bench) -> None:
    done = await bench.run("id", user="1000:2000", host=HostConfig(group_add=["3000"]))
    assert done.stdout.startswith(b"uid=1000 gid=2000 groups=")
    assert b"3000" in done.stdout


async def test_files_that_the_engine_provides(bench: Bench) -> None:
    host = HostConfig(extra_hosts=["db:10.9.8.7"], dns=["10.1.1.1"], dns_search=["example.org"])
    done = await bench.run("cat", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", hostname="hal", host=host)
    text = done.stdout.decode()
    assert text.startswith("hal\n")
    assert "10.9.8.7\tdb\n" in text
    assert "nameserver 10.1.1.1\n" in text
    assert "search example.org\n" in text


async def test_a_shared_network_namespace(bench: Bench) -> None:
    donor = await bench.start(*LONG, hostname="donor")
    address = bench.containers.get(donor).networks["bridge"].ip_address or "?"
    done = await bench.run(
        "sh", "-c", "hostname; ip addr; cat /etc/hosts", host=HostConfig(network_mode=f"container:{donor[:12]}")
    )
    assert done.stdout.startswith(b"donor\n")
    assert done.stdout.count(address.encode()) == 2


async def test_a_namespace_of_a_container_that_came_later_and_shares_another_itself(bench: Bench) -> None:
    """What was no container's name at the creation is one at the start."""
    host = HostConfig(network_mode="container:middle")
    last = await bench.create("sh", "-c", "hostname; cat /etc/hosts", host=host)
    first = await bench.start(*LONG, hostname="donor")
    await bench.start(*LONG, name="middle", host=HostConfig(network_mode=f"container:{first}"))
    await bench.containers.start(last)
    await bench.until(lambda: b"127.0.0.1" in bench.spool(last))
    assert b"donor\n" in bench.spool(last)


async def test_sharing_with_a_container_that_ends_meanwhile(bench: Bench) -> None:
    """Each of the two may be first; what there is to say of the other is not that the runtime failed."""
    for delay in (0.0, 0.01, 0.02, 0.04):
        donor = await bench.start("sleep", "60", host=HostConfig(ipc_mode="shareable"))
        mode = f"container:{donor}"
        id_ = await bench.create("true", host=HostConfig(network_mode=mode, ipc_mode=mode, pid_mode=mode))
        starting = asyncio.create_task(bench.containers.start(id_))
        await asyncio.sleep(delay)
        await bench.containers.kill(donor)
        (outcome,) = await asyncio.gather(starting, return_exceptions=True)
        assert outcome is None or isinstance(outcome, Conflict), outcome


async def test_sharing_with_a_container_that_does_not_run(bench: Bench) -> None:
    donor = await bench.create("true", name="sleeper")
    id_ = await bench.create("true", host=HostConfig(network_mode="container:sleeper"))
    with pytest.raises(Conflict, match="cannot join network namespace of a non running container: container sleeper"):
        await bench.containers.start(id_)
    assert bench.containers.get(id_).host_config.network_mode == f"container:{donor}"


async def test_none_has_only_a_loopback_interface(bench: Bench) -> None:
    done = await bench.run("ls", "/sys/class/net", host=HostConfig(network_mode="none"))
    assert done.stdout == b"lo\n"


async def test_host_network_has_the_hosts_interfaces(bench: Bench) -> None:
    done = await bench.run("ls", "/sys/class/net", host=HostConfig(network_mode="host"))
    assert b"pgc0" in done.stdout


async def test_shared_pid_and_ipc(bench: Bench) -> None:
    donor = await bench.start(*LONG, host=HostConfig(ipc_mode="shareable"))
    await bench.text(donor, "sh", "-c", "echo shared > /dev/shm/x")
    host = HostConfig(ipc_mode=f"container:{donor}", pid_mode=f"container:{donor}")
    done = await bench.run("sh", "-c", "cat /dev/shm/x; ps", host=host)
    assert done.stdout.startswith(b"shared\n")
    assert b"trap 'exit 5'" in done.stdout
    assert not (bench.config.run / "shm" / donor / "y").exists()


async def test_private_ipc_cannot_be_joined(bench: Bench) -> None:
    donor = await bench.start(*LONG)
    id_ = await bench.create("true", host=HostConfig(ipc_mode=f"container:{donor}"))
    with pytest.raises(Conflict, match="non-shareable IPC"):
        await bench.containers.start(id_)


async def test_two_networks_and_their_addresses(bench: Bench) -> None:
    net = await bench.engine.networks.create("duo")
    id_ = await bench.start(*LONG, host=HostConfig(network_mode="duo"))
    await bench.containers.connect("bridge", id_, EndpointSettings())
    networks = bench.containers.get(id_).networks
    assert set(networks) == {"duo", "bridge"}
    assert networks["duo"].network_id == net.id
    assert (await bench.text(id_, "ls", "/sys/class/net")).split() == ["eth0", "eth1", "lo"]
    await bench.containers.disconnect("bridge", id_)
    assert (await bench.text(id_, "ls", "/sys/class/net")).split() == ["eth0", "lo"]
    await bench.containers.remove(id_, force=True)
    await bench.engine.networks.remove("duo")


async def test_an_init_reaps(bench: Bench) -> None:
    done = await bench.run("sh", "-c", "ps -o pid,comm", host=HostConfig(init=True))
    assert b"1 docker-init" in done.stdout or b"1 catatonit" in done.stdout


async def test_a_cancelled_start_is_finished_all_the_same(bench: Bench) -> None:
    id_ = await bench.create(*LONG)
    starting = asyncio.create_task(bench.containers.start(id_))
    await asyncio.sleep(0.005)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await bench.until(lambda: bench.containers.get(id_).state.running)
    await bench.until_ready(id_)
    await bench.containers.stop(id_, timeout=5)
    assert bench.containers.get(id_).state.exit_code == 5


async def test_twenty_at_once(bench: Bench) -> None:
    done = await asyncio.gather(*(bench.run("sh", "-c", f"echo {n}") for n in range(20)))
    assert [d.stdout for d in done] == [b"%d\n" % n for n in range(20)]


async def test_names_on_a_user_defined_network(bench: Bench) -> None:
    await bench.engine.networks.create("named")
    host = HostConfig(network_mode="named")
    first = await bench.start(*LONG, name="first", host=host)
    done = await bench.run("sh", "-c", "cat /etc/resolv.conf; nslookup first", host=HostConfig(network_mode="named"))
    address = bench.containers.get(first).networks["named"].ip_address or "?"
    assert b"nameserver 127.0.0.11" in done.stdout
    assert address.encode() in done.stdout
    await bench.containers.rename("first", "renamed")
    done = await bench.run("nslookup", "renamed", host=HostConfig(network_mode="named"))
    assert address.encode() in done.stdout
    await bench.containers.remove(first, force=True)
    await bench.engine.networks.remove("named")
