"""Paths stay inside their root, whatever symlinks say, and nothing opens a FIFO or a device by accident."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.linux import paths


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    directory = tmp_path / "outside"
    directory.mkdir()
    (directory / "secret").write_text("outside")
    return directory


@pytest.fixture
def root(tmp_path: Path, outside: Path) -> Iterator[int]:
    directory = tmp_path / "root"
    (directory / "etc").mkdir(parents=True)
    (directory / "etc" / "passwd").write_text("inside")
    (directory / "absolute").symlink_to("/etc/passwd")
    (directory / "climbing").symlink_to("../../../../../../etc/passwd")
    (directory / "out").symlink_to(str(outside))
    (directory / "loop").symlink_to("loop")
    fd = paths.open_root(directory)
    yield fd
    os.close(fd)


@pytest.mark.parametrize("path", ["etc/passwd", "/etc/passwd", "../../etc/passwd", "absolute", "climbing"])
def test_every_way_to_a_file_ends_inside_the_root(root: int, path: str) -> None:
    assert paths.read_in_root(root, path) == b"inside"


@pytest.mark.parametrize("path", ["out/secret", "/out/secret", "etc/../out/secret"])
def test_a_link_to_a_host_directory_leads_nowhere(root: int, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        paths.read_in_root(root, path)


def test_a_circle_of_links_is_an_error(root: int) -> None:
    with pytest.raises(OSError, match="loop") as e:
        paths.read_in_root(root, "loop")
    assert e.value.errno == errno.ELOOP


def test_magic_links_are_refused() -> None:
    with paths.opened(paths.open_root(Path("/"))) as fd, pytest.raises(OSError) as e:
        os.close(paths.open_in_root(fd, "/proc/self/root/etc", os.O_PATH))
    assert e.value.errno == errno.ELOOP


def test_a_nul_byte_in_a_path_is_an_error_and_not_the_end_of_the_path(root: int) -> None:
    with pytest.raises(OSError) as e:
        paths.read_in_root(root, "etc/passwd\0.txt")
    assert e.value.errno == errno.EINVAL


def test_a_fifo_is_refused_without_waiting_for_a_writer(root: int) -> None:
    os.mkfifo("pipe", dir_fd=root)
    with pytest.raises(OSError) as e:
        paths.read_in_root(root, "pipe")
    assert e.value.errno == errno.EINVAL


def test_directories_are_made_with_exact_modes_whatever_the_umask(root: int) -> None:
    old = os.umask(0o077)
    try:
        with paths.opened(paths.make_directories(root, "/a/b/c", 0o775, (1234, 1235))) as fd:
            made = os.fstat(fd)
    finally:
        os.umask(old)
    assert (made.st_mode & 0o7777, made.st_uid, made.st_gid) == (0o775, 1234, 1235)
    assert os.stat("a/b", dir_fd=root).st_mode & 0o7777 == 0o775


def test_directories_are_made_behind_links_inside_the_root(root: int, tmp_path: Path) -> None:
    os.symlink("/etc", "link", dir_fd=root)
    os.close(paths.make_directories(root, "link/conf/d"))
    assert (tmp_path / "root" / "etc" / "conf" / "d").is_dir()
    assert not Path("/etc/conf/d").exists()


def test_making_directories_through_a_dangling_link_fails_inside_the_root(root: int, outside: Path) -> None:
    with pytest.raises(FileExistsError):
        os.close(paths.make_directories(root, "out/made"))
    assert not (outside / "made").exists()


@pytest.mark.parametrize(
    ("path", "name", "holds"),
    [("etc/passwd", "passwd", "passwd"), ("etc/", ".", "passwd"), ("etc/.", ".", "passwd"), ("/", ".", "etc")],
)
def test_the_parent_of_a_path(root: int, path: str, name: str, holds: str) -> None:
    with paths.parent_of(root, path) as (fd, last):
        assert last == name
        os.stat(holds, dir_fd=fd)
