"""The overlay driver: the contract, and what is its own."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pogu.engine.storage import LayerInfo, StorageDriver, open_driver
from pogu.errors import Unsupported
from pogu.linux.mounts import MNT_DETACH, mount, mounted, unmount
from tests.engine.archive.tars import Member, tar
from tests.engine.storage.contract import StorageDriverContract

pytestmark = pytest.mark.root


class TestOverlay(StorageDriverContract):
    def make(self, root: Path) -> StorageDriver:
        return open_driver("overlay", root)

    async def test_127_layers_fit_one_mount(self, driver: StorageDriver, target: Path) -> None:
        chain: str | None = None
        for i in range(127):
            chain = (await driver.add_layer(None, chain, io.BytesIO(tar(Member(f"f{i}", b"x"))))).chain_id
        await driver.create("a" * 64, chain)
        await driver.mount("a" * 64, target)
        assert len(list(target.iterdir())) == 127

    async def test_the_working_directory_of_the_process_stays(
        self, driver: StorageDriver, layer: LayerInfo, target: Path
    ) -> None:
        before = Path.cwd()
        await driver.create("c", layer.chain_id)
        await driver.mount("c", target)
        assert Path.cwd() == before

    async def test_marks_in_an_image_do_not_lead_lookups_elsewhere(
        self, driver: StorageDriver, layer: LayerInfo, target: Path
    ) -> None:
        pax = {"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.trusted.overlay.metacopy": ""}
        top = await driver.add_layer(
            None, layer.chain_id, io.BytesIO(tar(Member("evil/", pax=pax), Member("tmp/", pax=pax)))
        )
        await driver.create("c", top.chain_id)
        await driver.mount("c", target)
        assert list((target / "evil").iterdir()) == []
        options = next(e.super_options for e in mounted() if e.target == str(target))
        assert "redirect_dir=nofollow" in options.split(",")

    async def test_inspect_names_the_directories(self, driver: StorageDriver, layer: LayerInfo, target: Path) -> None:
        second = await driver.add_layer(None, layer.chain_id, io.BytesIO(tar("new")))
        await driver.create("c", second.chain_id)
        await driver.mount("c", target)
        data = driver.describe("c", target)
        assert data["MergedDir"] == str(target)
        lower = data["LowerDir"].split(":")
        assert (Path(lower[0]) / "new").is_file()
        assert (Path(lower[1]) / "etc" / "passwd").is_file()
        (target / "written").write_text("x")
        assert (Path(data["UpperDir"]) / "written").is_file()
        assert Path(data["WorkDir"]).is_dir()
        assert ("Native Overlay Diff", "true") in driver.status()

    async def test_a_size_limit_is_refused_in_dockers_words(self, driver: StorageDriver) -> None:
        with pytest.raises(Unsupported, match="pquota"):
            await driver.create("c", None, size_limit=1 << 30)
        assert driver.containers() == []

    async def test_directories_on_the_host_are_closed_to_others(self, driver: StorageDriver, tmp_path: Path) -> None:
        assert (tmp_path / "storage" / "overlay").stat().st_mode & 0o077 == 0

    async def test_a_file_system_that_cannot_do_it_is_told_at_start(self, tmp_path: Path) -> None:
        """An overlay on an overlay has no place for its marks."""
        for name in ("lower", "upper", "work", "merged"):
            (tmp_path / name).mkdir()
        merged = tmp_path / "merged"
        options = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work"
        mount("overlay", merged, "overlay", data=options)
        driver = self.make(merged)
        try:
            with pytest.raises(Unsupported, match="vfs storage driver"):
                await driver.start()
        finally:
            await driver.stop()
            unmount(merged, MNT_DETACH)
