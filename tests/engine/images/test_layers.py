"""Layers: added once, verified, restored, collected when nobody needs them and never before."""

import asyncio
import io
from pathlib import Path

import pytest

from pogu.engine.images.layers import LayerFile
from pogu.errors import InvalidArgument
from tests.engine.images.conftest import Machine, digest_of, docker_archive, tar_of

ONE = tar_of({"one": b"1"})
TWO = tar_of({"two": b"22"})


async def test_nothing_is_collected_while_something_is_added(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "layer"
    file.write_bytes(ONE)
    layers = machine.images.layers
    async with layers.adding():
        stored = await layers.add(LayerFile(file, digest_of(ONE)), None)
        identifier = await machine.add("other:1")
        assert await machine.images.remove("other:1") == [{"Untagged": "other:1"}, {"Deleted": identifier}]
        await machine.images.collect()
        assert machine.driver.has_layer(stored.diff_id)
        assert len(machine.driver.layers()) == 2
    assert machine.files() == []


async def test_a_failed_addition_is_cleared_up(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "layer"
    file.write_bytes(ONE)
    layers = machine.images.layers
    with pytest.raises(RuntimeError):
        async with layers.adding():
            await layers.add(LayerFile(file, digest_of(ONE)), None)
            raise RuntimeError("no image after all")
    assert machine.files() == []


async def test_a_layer_that_is_not_what_it_says_is_not_added(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "layer"
    file.write_bytes(ONE)
    with pytest.raises(InvalidArgument):
        async with machine.images.layers.adding():
            await machine.images.layers.add(LayerFile(file, digest_of(TWO)), None)
    assert machine.files() == []


async def test_a_leftover_layer_of_the_driver_is_checked_before_it_is_used(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "layer"
    file.write_bytes(TWO)
    async with machine.images.layers.adding():
        await machine.driver.add_layer(None, None, io.BytesIO(ONE))
        with pytest.raises(InvalidArgument, match="layer content has digest"):
            await machine.images.layers.add(LayerFile(file, digest_of(ONE)), None)


async def test_layers_the_driver_lost_are_unpacked_again_at_a_start(machine: Machine) -> None:
    await machine.load(docker_archive([ONE, TWO], ["app:1"]))
    chains = machine.images.resolve("app:1").chain_ids
    for chain in reversed(chains):
        await machine.driver.remove_layer(chain)
    await machine.restart()
    assert all(machine.driver.has_layer(chain) for chain in chains)


async def test_another_storage_driver_takes_the_images_over(machine: Machine) -> None:
    await machine.load(docker_archive([ONE, TWO], ["app:1"]))
    machine.config.storage_driver = "vfs"
    await machine.restart()
    image = machine.images.resolve("app:1")
    assert machine.driver.name == "vfs"
    assert image.size == 3
    assert all(machine.driver.has_layer(chain) for chain in image.chain_ids)


async def test_additions_at_once_share_layers(machine: Machine) -> None:
    archives = [docker_archive([ONE, tar_of({f"own{n}": b"x"})], [f"app{n}:1"]) for n in range(4)]
    await asyncio.gather(*(machine.load(archive) for archive in archives))
    assert len(machine.driver.layers()) == 5
    for n in range(4):
        await machine.images.remove(f"app{n}:1")
    assert machine.files() == []
