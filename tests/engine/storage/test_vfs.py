"""The vfs driver: the contract, and what is its own."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pogu.engine.storage import LayerInfo, StorageDriver, open_driver
from pogu.linux.mounts import MNT_DETACH, mount, unmount
from tests.engine.archive.tars import tar
from tests.engine.storage.contract import StorageDriverContract

pytestmark = pytest.mark.root


class TestVfs(StorageDriverContract):
    def make(self, root: Path) -> StorageDriver:
        return open_driver("vfs", root)

    async def test_a_layer_does_not_share_files_with_the_one_below(
        self, driver: StorageDriver, layer: LayerInfo, target: Path
    ) -> None:
        second = await driver.add_layer(None, layer.chain_id, io.BytesIO(tar("new")))
        await driver.create("c", second.chain_id)
        await driver.mount("c", target)
        (target / "etc" / "passwd").write_text("changed")
        await driver.unmount("c", target)
        await driver.create("d", layer.chain_id)
        await driver.mount("d", target)
        assert (target / "etc" / "passwd").read_text() == "root:x:0:0"

    async def test_it_works_on_a_tmpfs(self, tmp_path: Path) -> None:
        disk = tmp_path / "disk"
        disk.mkdir()
        mount("tmpfs", disk, "tmpfs", data="size=16m")
        driver = self.make(disk)
        try:
            await driver.start()
            info = await driver.add_layer(None, None, io.BytesIO(tar("etc/", "etc/f")))
            await driver.create("c", info.chain_id)
            await driver.mount("c", tmp_path / "m")
            assert (tmp_path / "m" / "etc" / "f").is_file()
        finally:
            unmount(tmp_path / "m", MNT_DETACH)
            await driver.stop()
            unmount(disk, MNT_DETACH)

    async def test_it_has_no_directories_to_show(self, driver: StorageDriver) -> None:
        await driver.create("c", None)
        assert driver.describe("c") == {}
        assert driver.status() == []
