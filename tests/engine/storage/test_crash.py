"""A daemon killed at any moment leaves whole layers and nothing else."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pogu.engine.storage import open_driver
from pogu.linux.mounts import MNT_DETACH, unmount

pytestmark = pytest.mark.root

WORK = """
import asyncio, io, sys
from pathlib import Path
from pogu.engine.storage import open_driver
from tests.engine.archive.tars import Member, tar

async def work():
    driver = open_driver(sys.argv[1], Path(sys.argv[2]))
    await driver.start()
    print("ready", flush=True)
    for i in range(10_000):
        data = tar(*(Member(f"d{i}/f{n}", b"x" * 100) for n in range(50)))
        chains = [layer.chain_id for layer in driver.layers()]
        layer = await driver.add_layer(None, chains[-1] if i % 3 and chains else None, io.BytesIO(data))
        await driver.create(f"c{i}", layer.chain_id)
        if i % 2:
            await driver.remove(f"c{i}")
            await driver.remove_layer(layer.chain_id)

asyncio.run(work())
"""


@pytest.mark.parametrize("name", ["overlay", "vfs"])
def test_killed_at_any_moment(tmp_path: Path, name: str) -> None:
    random_ = random.Random(name)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", WORK, name, str(tmp_path / "storage")], stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        assert process.stdout
        process.stdout.readline()
        time.sleep(random_.uniform(0.01, 0.3))
        process.kill()
        process.wait()
        process.stdout.close()
        asyncio.run(inspect(tmp_path, name))


async def inspect(tmp_path: Path, name: str) -> None:
    driver = open_driver(name, tmp_path / "storage")
    await driver.start()
    target = tmp_path / "mounted"
    try:
        known = {layer.chain_id for layer in driver.layers()}
        assert all(layer.parent is None or layer.parent in known for layer in driver.layers())
        for layer in driver.layers():
            await driver.create("probe", layer.chain_id)
            await driver.mount("probe", target)
            for directory in target.iterdir():
                assert len(list(directory.iterdir())) == 50
            await driver.unmount("probe", target)
            await driver.remove("probe")
        for container in driver.containers():
            await driver.mount(container, target)
            await driver.unmount(container, target)
    finally:
        unmount(target, MNT_DETACH)
        await driver.stop()
    on_disk = list((tmp_path / "storage").glob("*/layers/*"))
    assert len(on_disk) == len(driver.layers())
    assert list((tmp_path / "storage").glob("*/trash/*")) == []
