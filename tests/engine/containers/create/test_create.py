"""Creating containers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pogu.engine.model import ContainerConfig, HostConfig, Mount, PortBinding
from pogu.errors import CommandNotFound, Conflict, InvalidArgument, NotFound
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_image_completes_the_request(bench: Bench) -> None:
    id_ = await bench.create()
    record = bench.containers.get(id_)
    assert (record.path, record.args) == ("sh", [])
    assert record.config.env == ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    assert record.config.hostname == id_[:12]
    assert record.image_id == bench.engine.images.resolve("busybox").id
    assert record.state.status == "created"
    host = record.host_config
    assert (host.network_mode, host.ipc_mode, host.shm_size) == ("bridge", "private", 64 << 20)
    assert host.restart_policy
    assert host.restart_policy.name == "no"
    assert "/proc/kcore" in (host.masked_paths or [])
    assert set(record.networks) == {"bridge"}


async def test_memory_swap_is_twice_the_memory(bench: Bench) -> None:
    id_ = await bench.create("true", host=HostConfig(memory=8 << 20))
    assert bench.containers.get(id_).host_config.memory_swap == 16 << 20


async def test_names(bench: Bench) -> None:
    id_ = await bench.create("true", name="taken")
    text = (
        f'Conflict. The container name "/taken" is already in use by container "{id_}". '
        "You have to remove (or rename) that container to be able to reuse that name."
    )
    with pytest.raises(Conflict) as caught:
        await bench.create("true", name="taken")
    assert caught.value.message == text
    assert bench.containers.get(await bench.create("true", name="/slashed")).name == "slashed"
    for name in ("a", "-a", "a/b", "a b", "ä" * 3):
        with pytest.raises(InvalidArgument, match="Invalid container name"):
            await bench.create("true", name=name)
    names = {bench.containers.get(await bench.create("true")).name for _ in range(5)}
    assert len(names) == 5


async def test_the_same_name_twice_at_once(bench: Bench) -> None:
    results = await asyncio.gather(*(bench.create("true", name="one") for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(r, str) for r in results) == 1
    assert sum(isinstance(r, Conflict) for r in results) == 4


async def test_no_image_and_no_command(bench: Bench) -> None:
    with pytest.raises(NotFound, match="No such image: nosuch:latest"):
        await bench.containers.create(None, ContainerConfig(image="nosuch", cmd=["x"]))
    with pytest.raises(InvalidArgument, match="no command specified"):
        await bench.containers.create(None, ContainerConfig())
    with pytest.raises(InvalidArgument, match="config cannot be empty"):
        await bench.containers.create(None, None)


async def test_an_empty_entrypoint_takes_the_images_away(bench: Bench) -> None:
    config = ContainerConfig(image="busybox", entrypoint=[""], cmd=["echo", "x"])
    record = bench.containers.get((await bench.containers.create(None, config)).id)
    assert (record.path, record.args, record.config.entrypoint) == ("echo", ["x"], None)


async def test_volumes_from_everywhere(bench: Bench, tmp_path: Path) -> None:
    donor = await bench.create("true", host=HostConfig(binds=["shared:/shared", f"{tmp_path}:/bound"]))
    host = HostConfig(
        volumes_from=[f"{donor}:ro"],
        binds=["own:/own", f"{tmp_path}/made:/made", "/anonymous"],
        mounts=[Mount(type="volume", target="/m"), Mount(type="tmpfs", target="/t")],
    )
    id_ = await bench.create("sh", "-c", "ls -d /*; touch /shared/x", host=host, volumes={"/fromimage": {}, "/own": {}})
    points = {p.destination: p for p in bench.containers.get(id_).mounts}
    assert set(points) == {"/shared", "/bound", "/own", "/made", "/anonymous", "/m", "/t", "/fromimage"}
    assert (points["/shared"].name, points["/shared"].rw) == ("shared", False)
    assert (points["/own"].mode, points["/made"].propagation) == ("z", "rprivate")
    done = await bench.finish(id_)
    assert b"Read-only file system" in done.stderr
    assert (tmp_path / "made").is_dir()
    for ref in (id_, donor):
        await bench.containers.remove(ref, volumes=True)
    for name in ("own", "shared"):
        await bench.engine.volumes.remove(name)
    assert bench.engine.volumes.list() == []


async def test_a_new_volume_gets_the_images_content(bench: Bench) -> None:
    done = await bench.run("cat", "/etc/passwd", host=HostConfig(binds=["copied:/etc"]))
    assert done.stdout.startswith(b"root:")
    assert (Path(bench.engine.volumes.get("copied").mountpoint) / "passwd").exists()
    await bench.engine.volumes.remove("copied")
    with pytest.raises(CommandNotFound):  # nothing was copied into this one
        await bench.run("ls", "/bin", host=HostConfig(binds=["empty:/bin:nocopy"]))
    await bench.engine.volumes.remove("empty")


async def test_bad_mounts_leave_no_volumes(bench: Bench) -> None:
    with pytest.raises(InvalidArgument, match="Duplicate mount point: /x"):
        await bench.create("true", host=HostConfig(binds=["one:/x", "two:/x"]))
    with pytest.raises(InvalidArgument, match="No such container: nosuch"):
        await bench.create("true", host=HostConfig(volumes_from=["nosuch"]))
    with pytest.raises(InvalidArgument, match="bind source path does not exist: /no/such"):
        await bench.create("true", host=HostConfig(mounts=[Mount(type="bind", source="/no/such", target="/x")]))
    assert bench.engine.volumes.list() == []


async def test_a_bind_source_that_vanished(bench: Bench, tmp_path: Path) -> None:
    source = tmp_path / "there"
    source.mkdir()
    host = HostConfig(mounts=[Mount(type="bind", source=str(source), target="/x")])
    id_ = await bench.create("true", host=host)
    source.rmdir()
    with pytest.raises(InvalidArgument, match=f"bind source path does not exist: {source}"):
        await bench.containers.start(id_)


async def test_subpaths_of_volumes(bench: Bench) -> None:
    await bench.run("sh", "-c", "mkdir /v/a; echo inside > /v/a/f; ln -s / /v/up", host=HostConfig(binds=["sub:/v"]))
    mount = Mount(type="volume", source="sub", target="/m", volume_options={"Subpath": "a"})
    assert (await bench.run("cat", "/m/f", host=HostConfig(mounts=[mount]))).stdout == b"inside\n"
    bad = Mount(type="volume", source="sub", target="/m", volume_options={"Subpath": "up/etc"})
    with pytest.raises(InvalidArgument, match="cannot access path"):
        await bench.run("true", host=HostConfig(mounts=[bad]))
    await bench.engine.volumes.remove("sub")


async def test_an_image_mounted_into_a_container(bench: Bench) -> None:
    mount = Mount(type="image", source="busybox", target="/img")
    done = await bench.run("sh", "-c", "ls /img/bin/busybox; touch /img/x", host=HostConfig(mounts=[mount]))
    assert done.stdout == b"/img/bin/busybox\n"
    assert b"Read-only" in done.stderr


async def test_tmpfs(bench: Bench) -> None:
    done = await bench.run("sh", "-c", "grep ' /t ' /proc/mounts", host=HostConfig(tmpfs={"/t": "size=64k,exec"}))
    assert b"size=64k" in done.stdout
    assert b"noexec" not in done.stdout


async def test_modes_name_containers_by_id(bench: Bench) -> None:
    with pytest.raises(NotFound, match="No such container: nosuch"):
        await bench.create("true", host=HostConfig(pid_mode="container:nosuch"))
    lonely = await bench.create("true", host=HostConfig(network_mode="container:nosuch"))
    with pytest.raises(NotFound, match="No such container: nosuch"):
        await bench.containers.start(lonely)
    donor = await bench.create("true", name="donor")
    id_ = await bench.create("true", host=HostConfig(network_mode="container:donor", pid_mode="container:donor"))
    host = bench.containers.get(id_).host_config
    assert host.network_mode == host.pid_mode == f"container:{donor}"


async def test_ports_of_a_host_network_are_only_a_warning(bench: Bench) -> None:
    host = HostConfig(network_mode="host", port_bindings={"80/tcp": [PortBinding(host_port="7095")]})
    created = await bench.containers.create(None, ContainerConfig(image="busybox"), host)
    assert created.warnings == ["Published ports are discarded when using host network mode"]


async def test_links(bench: Bench) -> None:
    await bench.start(*LONG, name="db", env=["SECRET=1"], exposed_ports={"5432/tcp": {}})
    done = await bench.run("sh", "-c", "env; cat /etc/hosts", host=HostConfig(links=["db:database"]))
    text = done.stdout.decode()
    address = bench.containers.get("db").networks["bridge"].ip_address
    assert f"DATABASE_PORT_5432_TCP=tcp://{address}:5432" in text
    assert "DATABASE_ENV_SECRET=1" in text
    assert f"{address}\tdatabase" in text
