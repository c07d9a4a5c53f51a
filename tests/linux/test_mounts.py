"""Mounting, and reading what is mounted."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.linux import mounts

pytestmark = pytest.mark.root


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "target"
    directory.mkdir()
    yield directory
    while mounts.unmount(directory, mounts.MNT_DETACH):
        pass


def entry(target: Path) -> mounts.MountEntry:
    return next(e for e in mounts.mounted() if e.target == str(target))


def test_a_tmpfs_comes_and_goes(target: Path) -> None:
    assert not mounts.is_mounted(target)
    mounts.mount("scratch", target, "tmpfs", mounts.MS_NOSUID, "size=64k")
    found = entry(target)
    assert (found.fstype, found.source) == ("tmpfs", "scratch")
    assert "nosuid" in found.options
    assert "size=64k" in found.super_options
    assert mounts.is_mounted(target)
    assert mounts.unmount(target)
    assert not mounts.is_mounted(target)
    assert not mounts.unmount(target)


def test_a_bind_mount_counts_as_mounted_although_the_device_is_the_same(target: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("here")
    mounts.bind(source, target)
    assert mounts.is_mounted(target)
    assert (target / "file").read_text() == "here"


def test_a_read_only_bind_mount(target: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    mounts.bind(source, target, read_only=True)
    with pytest.raises(OSError) as e:
        (target / "file").write_text("no")
    assert e.value.errno == errno.EROFS
    (source / "file").write_text("yes")


def test_a_mount_that_cannot_be_names_the_target(target: Path) -> None:
    with pytest.raises(OSError) as e:
        mounts.mount("none", target, "no-such-type")
    assert e.value.errno == errno.ENODEV
    assert e.value.filename == str(target)


def test_options_longer_than_a_page_are_refused_and_not_cut(target: Path) -> None:
    with pytest.raises(OSError) as e:
        mounts.mount("overlay", target, "overlay", data="lowerdir=" + "x" * 5000)
    assert e.value.errno == errno.E2BIG


def test_unmounting_never_follows_a_link(target: Path, tmp_path: Path) -> None:
    mounts.mount("scratch", target, "tmpfs")
    link = tmp_path / "link"
    link.symlink_to(target)
    assert not mounts.unmount(link)
    assert mounts.is_mounted(target)


def test_propagation_is_set_and_read(target: Path) -> None:
    mounts.mount("scratch", target, "tmpfs")
    mounts.set_propagation(target, mounts.PROPAGATION["shared"])
    assert any(tag.startswith("shared:") for tag in entry(target).propagation)
    mounts.set_propagation(target, mounts.PROPAGATION["private"])
    assert entry(target).propagation == ()


def test_mounting_by_an_option_list(target: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    mounts.mount_with(str(source), target, "none", "bind,ro,noexec,private")
    options = entry(target).options.split(",")
    assert {"ro", "noexec"} <= set(options)


@pytest.mark.parametrize(
    ("text", "flags", "propagation", "data"),
    [
        ("", 0, 0, ""),
        ("ro,nosuid,nodev", mounts.MS_RDONLY | mounts.MS_NOSUID | mounts.MS_NODEV, 0, ""),
        ("ro,rw", 0, 0, ""),
        ("addr=1.2.3.4,rw,nolock", 0, 0, "addr=1.2.3.4,nolock"),
        ("rbind,rslave", mounts.MS_BIND | mounts.MS_REC, mounts.MS_SLAVE | mounts.MS_REC, ""),
    ],
)
def test_option_lists(text: str, flags: int, propagation: int, data: str) -> None:
    assert mounts.parse_options(text) == mounts.MountOptions(flags, propagation, data)


def test_blanks_and_line_ends_in_mountinfo_are_undone() -> None:
    line = r"36 35 98:0 /mnt1 /mnt\0402\012x rw,noatime master:1 - ext3 /dev/ro\134ot rw,errors=continue"
    found = mounts.parse_mountinfo(line)
    assert (found.target, found.source) == ("/mnt 2\nx", "/dev/ro\\ot")
    assert (found.id, found.parent, found.device, found.propagation) == (36, 35, "98:0", ("master:1",))


def test_syncing_a_file_system(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    mounts.syncfs(fd)
    os.close(fd)
    with pytest.raises(OSError) as e:
        mounts.syncfs(fd)
    assert e.value.errno == errno.EBADF


def test_a_read_only_clone_can_be_run_and_not_written(tmp_path: Path) -> None:
    program = tmp_path / "true"
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o755)
    fd = mounts.read_only_clone(program)
    try:
        path = f"/proc/{os.getpid()}/fd/{fd}"
        subprocess.run([path], check=True)
        with pytest.raises(OSError, match="Read-only file system"):
            os.open(path, os.O_WRONLY)
    finally:
        os.close(fd)
    with pytest.raises(FileNotFoundError):
        mounts.read_only_clone(tmp_path / "missing")
