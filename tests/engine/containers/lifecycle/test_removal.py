"""Removing."""

from __future__ import annotations

import asyncio

import pytest

from pogu.engine.model import ContainerConfig, HostConfig
from pogu.errors import Conflict, NotFound
from tests.engine.containers.conftest import LONG, Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_running_container_is_refused_unless_forced(bench: Bench) -> None:
    id_ = await bench.start(*LONG, name="busy")
    text = 'cannot remove container "/busy": container is running: stop the container before removing or force remove'
    with pytest.raises(Conflict, match=text):
        await bench.containers.remove(id_)
    await bench.containers.pause(id_)
    with pytest.raises(Conflict, match="container is paused and must be unpaused first"):
        await bench.containers.remove(id_)
    await bench.containers.remove(id_, force=True)
    with pytest.raises(NotFound):
        bench.containers.get(id_)
    assert bench.actions(id_)[-3:] == ["kill", "die", "destroy"]


async def test_volumes_go_only_when_asked_and_never_named_ones(bench: Bench) -> None:
    host = HostConfig(binds=["/anonymous", "named:/named"])
    first, second = await bench.create("true", host=host), await bench.create("true", host=host)
    kept = {p.name for p in bench.containers.get(first).mounts}
    gone = {p.name for p in bench.containers.get(second).mounts} - kept
    await bench.containers.remove(first)
    await bench.containers.remove(second, volumes=True)
    left = {v.name for v in bench.engine.volumes.list()}
    assert kept <= left
    assert not gone & left
    for name in kept:
        await bench.engine.volumes.remove(name)


async def test_a_shared_anonymous_volume_stays_with_its_other_user(bench: Bench) -> None:
    first = await bench.create("true", host=HostConfig(binds=["/data"]))
    (volume,) = (p.name for p in bench.containers.get(first).mounts)
    second = await bench.create("true", host=HostConfig(volumes_from=[first]))
    await bench.containers.remove(first, volumes=True)
    assert bench.engine.volumes.get(volume)
    await bench.containers.remove(second, volumes=True)
    with pytest.raises(NotFound):
        bench.engine.volumes.get(volume)


async def test_a_restart_that_waits_does_not_keep_it(bench: Bench) -> None:
    """It would start the container just when the removal has ended it."""
    id_ = await bench.start(*LONG)
    restarting = asyncio.create_task(bench.containers.restart(id_, signal="SIGCHLD", timeout=600))
    while "kill" not in bench.actions(id_):
        await asyncio.sleep(0.01)
    await bench.containers.remove(id_, force=True)
    with pytest.raises(NotFound):
        bench.containers.get(id_)
    await asyncio.gather(restarting, return_exceptions=True)


async def test_removing_twice_at_once(bench: Bench) -> None:
    id_ = await bench.start(*LONG)
    results = await asyncio.gather(
        *(bench.containers.remove(id_, force=True) for _ in range(3)), return_exceptions=True
    )
    assert None in results
    assert all(r is None or isinstance(r, Conflict | NotFound) for r in results)
    assert bench.actions(id_).count("destroy") == 1


async def test_a_network_can_be_removed_right_after_its_last_container(bench: Bench) -> None:
    await bench.engine.networks.create("brief")
    id_ = await bench.start(*LONG, host=HostConfig(network_mode="brief"))
    await bench.containers.remove(id_, force=True)
    await bench.engine.networks.remove("brief")


async def test_an_image_removed_before_its_container_leaves_its_layers_until_then(bench: Bench) -> None:
    first = await bench.create("touch", "/mine")
    await bench.finish(first)
    image = await bench.containers.commit(first, repo="mine")
    id_ = (await bench.containers.create(None, ContainerConfig(image="mine", cmd=["true"]), None)).id
    await bench.containers.remove(first)
    layers = len(bench.engine.storage.layers())
    await bench.engine.images.remove(image, force=True)
    assert len(bench.engine.storage.layers()) == layers
    await bench.containers.remove(id_)
    await bench.until(lambda: len(bench.engine.storage.layers()) == layers - 1)
