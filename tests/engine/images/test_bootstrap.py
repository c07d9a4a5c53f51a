"""Base images without a registry."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pogu.engine.images.bootstrap import add, bootstrap, recipe
from pogu.engine.images.debian import suite_of
from pogu.errors import InvalidArgument
from tests.engine.images.conftest import Machine, stream_of, tar_of


async def test_busybox(machine: Machine) -> None:
    told: list[dict[str, Any]] = []
    identifier = await bootstrap(machine.images, "busybox", told.append)
    image = machine.images.resolve("busybox:latest")
    assert image.id == identifier
    assert image.config.cmd == ["sh"]
    assert image.config.env == ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    assert image.size > 1_000_000
    assert told[-1] == {"status": identifier}
    assert [name for name in machine.files() if name.startswith("loose")] == []


async def test_debian_gets_its_suite_as_a_name_and_latest(machine: Machine) -> None:
    await add(machine.images, "debian:bookworm", stream_of(tar_of({"etc/x": b"1"})))
    image = machine.images.resolve("debian")
    assert image.repo_tags == ["debian:bookworm", "debian:latest"]
    assert image.config.cmd == ["bash"]


async def test_another_suite_does_not_take_latest_away(machine: Machine) -> None:
    own = suite_of("")
    await add(machine.images, "debian", stream_of(tar_of({"etc/x": b"1"})))
    await add(machine.images, "debian:sid", stream_of(tar_of({"etc/x": b"2"})))
    assert machine.images.resolve("debian").repo_tags == sorted([f"debian:{own}", "debian:latest"])
    assert machine.images.resolve("debian:sid").repo_tags == ["debian:sid"]


@pytest.mark.parametrize(
    "name", ["alpine", "library2/busybox", "example.com/debian", "debian:UP", f"busybox@sha256:{'0' * 64}"]
)
def test_what_there_is_no_recipe_for(name: str) -> None:
    with pytest.raises(InvalidArgument):
        recipe(name)


def test_the_archive_alone(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "pogu.engine.images.bootstrap"]
    subprocess.run([*program, "busybox", tmp_path / "out.tar"], check=True)
    assert [p.name for p in tmp_path.iterdir()] == ["out.tar"]
    failed = subprocess.run([*program, "alpine", tmp_path / "x.tar"], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith("bootstrap: there is no recipe for the image alpine")
    assert subprocess.run(program, capture_output=True, check=False).returncode == 2


@pytest.mark.slow
async def test_debian(machine: Machine, debian_tar: Path) -> None:
    await add(machine.images, "debian:bookworm", stream_of(debian_tar.read_bytes(), 1 << 20))
    image = machine.images.resolve("debian")
    assert 90_000_000 < image.size < 150_000_000
