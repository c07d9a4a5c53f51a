"""What a file system is told and asked, on a real one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.linux.filesystems import is_kernel_interface, spread
from pogu.linux.mounts import MNT_DETACH, mount, unmount
from pogu.linux.paths import open_root, opened

pytestmark = pytest.mark.root


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[Path]:
    """A small ext4 file system."""
    image, root = tmp_path / "image", tmp_path / "root"
    root.mkdir()
    with image.open("wb") as file:
        file.truncate(32 << 20)
    try:
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", image, root], check=True, capture_output=True)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        pytest.skip(f"this machine has no loop devices or no mkfs.ext4: {error}")
    yield root
    subprocess.run(["umount", root], check=True)


def attributes(directory: Path) -> str:
    said = subprocess.run(["lsattr", "-d", directory], check=True, capture_output=True, text=True).stdout
    return said.split()[0].replace("-", "")


def test_a_directory_whose_children_are_spread(ext4: Path) -> None:
    other = ext4 / "other"
    other.mkdir()
    before = attributes(other)
    subprocess.run(["chattr", "+A", other], check=True)
    for _ in range(2):
        spread(other)
        assert sorted(attributes(other)) == sorted(before + "AT")
    (other / "child").mkdir()
    assert "T" not in attributes(other / "child")


def test_file_systems_that_do_not_know_it_are_left_as_they_are(tmp_path: Path) -> None:
    mount("tmpfs", tmp_path, "tmpfs")
    try:
        spread(tmp_path)
        spread(Path("/proc/self"))
        (tmp_path / "child").mkdir()
        assert [path.name for path in tmp_path.iterdir()] == ["child"]
    finally:
        unmount(tmp_path, MNT_DETACH)
    spread(tmp_path / "missing")


@pytest.mark.parametrize(("path", "expected"), [("/proc", True), ("/sys", True), ("/tmp", False)])
def test_interfaces_of_the_kernel_are_known(path: str, expected: bool) -> None:
    with opened(open_root(Path(path))) as fd:
        assert is_kernel_interface(fd) is expected
