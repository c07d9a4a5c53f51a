"""Unpacking makes what the archive says, to the bit, the nanosecond and the owner."""

from __future__ import annotations

import os
import stat
import struct
import tarfile
from pathlib import Path

import pytest

from pogu.engine.archive import ExtractOptions, clean
from pogu.errors import InvalidArgument
from tests.engine.archive.tars import MTIME, Member, tar, unpack

pytestmark = pytest.mark.root

# struct vfs_cap_data, revision 2, of `cap_net_raw=ep` (linux/capability.h)
CAP_NET_RAW = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_files_directories_and_links(out: Path) -> None:
    size = unpack(
        tar("d/", Member("d/f", b"content"), Member("d/s", link="../nowhere"), Member("h", link="=d/f"), "e/"), out
    )
    assert size == 7 + len("../nowhere")
    assert (out / "d" / "f").read_bytes() == b"content"
    assert (out / "d" / "s").readlink() == Path("../nowhere")
    assert (out / "h").samefile(out / "d" / "f")
    assert (out / "e").is_dir()


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o1777, 0o000, 0o640])
def test_modes_are_exact_whatever_the_umask(out: Path, mode: int) -> None:
    old = os.umask(0o077)
    try:
        unpack(tar(Member("f", mode=mode, uid=1000, gid=1000), Member("d/", mode=mode, uid=1000, gid=1000)), out)
    finally:
        os.umask(old)
    assert stat.S_IMODE((out / "f").stat().st_mode) == mode
    assert stat.S_IMODE((out / "d").stat().st_mode) == mode


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("owner", [(0, 0), (1000, 1001), (2**21, 2**31), (2**32 - 2, 65534)])
def test_owners_of_any_size(out: Path, owner: tuple[int, int], format: int) -> None:
    uid, gid = owner
    names = ("f", "d/", "fifo", "link")
    unpack(
        tar(
            Member("f", uid=uid, gid=gid),
            Member("d/", uid=uid, gid=gid),
            Member("fifo", type=tarfile.FIFOTYPE, uid=uid, gid=gid),
            Member("link", link="f", uid=uid, gid=gid),
            format=format,
        ),
        out,
    )
    for name in names:
        status = (out / name).lstat()
        assert (status.st_uid, status.st_gid) == owner


def test_an_owner_given_replaces_all(out: Path) -> None:
    members = (Member("a/b", uid=5, gid=6), Member("d/", uid=7, gid=8), Member("link", link="f", uid=9, gid=9))
    unpack(tar(*members), out, ExtractOptions(owner=(1234, 1235)))
    for name in ("a", "a/b", "d", "link"):
        status = (out / name).lstat()
        assert (status.st_uid, status.st_gid) == (1234, 1235)


def test_times_to_the_nanosecond_also_of_directories_that_get_content_later(out: Path) -> None:
    pax = {"mtime": "1600000000.123456789", "atime": "1700000000.5"}
    unpack(tar(Member("d/", pax=pax), Member("d/f", b"x", pax=pax), Member("d/link", link="f", pax=pax)), out)
    for name in ("d", "d/f", "d/link"):
        assert (out / name).lstat().st_mtime_ns == 1_600_000_000_123_456_789
    assert (out / "d" / "f").stat().st_atime_ns == 1_700_000_000_500_000_000


@pytest.mark.parametrize("mtime", ["-1", "99999999999999999"])
def test_times_that_no_file_system_holds_become_the_epoch(out: Path, mtime: str) -> None:
    unpack(tar(Member("f", pax={"mtime": mtime})), out)
    assert (out / "f").stat().st_mtime_ns == 0


def test_devices_and_fifos(out: Path) -> None:
    unpack(
        tar(
            Member("null", type=tarfile.CHRTYPE, device=(1, 3), mode=0o666),
            Member("disk", type=tarfile.BLKTYPE, device=(259, 70000), mode=0o660, gid=6),
            Member("pipe", type=tarfile.FIFOTYPE, mode=0o622),
        ),
        out,
    )
    null, disk, pipe = ((out / name).lstat() for name in ("null", "disk", "pipe"))
    assert stat.S_ISCHR(null.st_mode)
    assert (os.major(null.st_rdev), os.minor(null.st_rdev), stat.S_IMODE(null.st_mode)) == (1, 3, 0o666)
    assert stat.S_ISBLK(disk.st_mode)
    assert (os.major(disk.st_rdev), os.minor(disk.st_rdev), disk.st_gid) == (259, 70000, 6)
    assert stat.S_ISFIFO(pipe.st_mode)
    assert stat.S_IMODE(pipe.st_mode) == 0o622


def test_capabilities_survive_the_change_of_owner(out: Path) -> None:
    value = CAP_NET_RAW.decode("utf-8", "surrogateescape")
    unpack(tar(Member("ping", b"#!", uid=1, mode=0o755, pax={"SCHILY.xattr.security.capability": value})), out)
    assert os.getxattr(out / "ping", "security.capability") == CAP_NET_RAW


def test_user_attributes_on_files_and_directories(out: Path) -> None:
    pax = {"SCHILY.xattr.user.colour": "blau=grün"}
    unpack(tar(Member("f", pax=pax), Member("d/", pax=pax)), out)
    assert os.getxattr(out / "f", "user.colour") == "blau=grün".encode()
    assert os.getxattr(out / "d", "user.colour") == "blau=grün".encode()


def test_attributes_that_a_file_cannot_have_are_left_out(out: Path) -> None:
    unpack(tar(Member("link", link="x", pax={"SCHILY.xattr.user.colour": "blue"})), out)
    assert os.listxattr(out / "link", follow_symlinks=False) == []


def test_overlays_own_marks_never_come_from_an_archive(out: Path) -> None:
    pax = {"SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.trusted.overlay.opaque": "y"}
    unpack(tar(Member("d/", pax=pax)), out)
    assert os.listxattr(out / "d") == []


def test_directories_left_out_are_made(out: Path) -> None:
    unpack(tar("a/b/c/file"), out)
    assert (out / "a" / "b" / "c" / "file").read_text() == "a/b/c/file"
    status = (out / "a" / "b").stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o755)


def test_a_name_that_comes_twice_is_what_it_was_last(out: Path) -> None:
    unpack(
        tar(
            Member("x", b"first"),
            Member("x", b"second"),
            Member("kind", b"file"),
            "kind/",
            "kind/below",
            "tree/",
            "tree/inside",
            Member("tree", b"now a file"),
            Member("link", link="x"),
            Member("link", b"a file, and x is as it was"),
        ),
        out,
    )
    assert (out / "x").read_bytes() == b"second"
    assert (out / "kind" / "below").is_file()
    assert (out / "tree").read_bytes() == b"now a file"
    assert not (out / "link").is_symlink()


def test_a_directory_that_comes_twice_keeps_its_content(out: Path) -> None:
    unpack(tar("d/", "d/f", Member("d/", mode=0o700)), out)
    assert (out / "d" / "f").exists()
    assert stat.S_IMODE((out / "d").stat().st_mode) == 0o700


def test_replacing_a_file_does_not_touch_its_other_names(out: Path) -> None:
    unpack(tar(Member("a", b"old"), Member("b", link="=a"), Member("a", b"new")), out)
    assert ((out / "a").read_bytes(), (out / "b").read_bytes()) == (b"new", b"old")


def test_a_link_to_itself_and_a_link_that_comes_twice(out: Path) -> None:
    unpack(tar(Member("a", b"kept"), Member("a", link="=a"), Member("b", link="=a"), Member("b", link="=./a")), out)
    assert (out / "a").read_bytes() == b"kept"
    assert (out / "a").stat().st_nlink == 2


def test_a_hard_link_to_a_symlink_is_to_the_link(out: Path) -> None:
    unpack(tar(Member("s", link="target"), Member("h", link="=s")), out)
    assert (out / "h").is_symlink()


def test_long_names_in_both_formats(out: Path) -> None:
    name = "/".join(["d" * 200] * 3) + "/" + "n" * 255
    for format in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        unpack(tar(Member(name, b"x"), Member("l", link="t" * 1000), format=format), out)
        assert (out / name).read_bytes() == b"x"
        assert len(str((out / "l").readlink())) == 1000


def test_names_that_are_not_utf8(out: Path) -> None:
    unpack(tar(Member("caf\udce9", b"x"), format=tarfile.GNU_FORMAT), out)
    assert [p.name for p in out.iterdir()] == ["caf\udce9"]


def test_many_directories_do_not_run_out_of_descriptors(out: Path) -> None:
    members = [name for i in range(1500) for name in (f"d{i}/", f"d{i}/f")]
    before = descriptors()
    unpack(tar(*members), out)
    assert len(list(out.iterdir())) == 1500
    assert descriptors() == before


def test_the_roots_own_entry_counts_only_when_asked(out: Path) -> None:
    data = tar(Member("./", mode=0o711, uid=5), "f")
    unpack(data, out)
    assert out.stat().st_uid == 0
    unpack(data, out, ExtractOptions(root_metadata=True))
    assert (out.stat().st_uid, stat.S_IMODE(out.stat().st_mode), int(out.stat().st_mtime)) == (5, 0o711, MTIME)


@pytest.mark.parametrize(
    ("there", "new", "message"),
    [
        (tar("x/"), tar(Member("x", b"file")), 'cannot overwrite directory "x" with non-directory "/dest"'),
        (tar(Member("x", b"file")), tar("x/"), 'cannot overwrite non-directory "x" with directory "/dest"'),
    ],
)
def test_kinds_can_be_kept(out: Path, there: bytes, new: bytes, message: str) -> None:
    unpack(there, out)
    before = (out / "x").is_dir()
    with pytest.raises(InvalidArgument) as e:
        unpack(new, out, ExtractOptions(keep_kind=True, destination="/dest"))
    assert e.value.message == message
    assert (out / "x").is_dir() is before


def test_whiteouts_are_files_like_others_by_default(out: Path) -> None:
    unpack(tar(Member("f", b"x"), Member(".wh.f", b"")), out)
    assert sorted(p.name for p in out.iterdir()) == [".wh.f", "f"]


def test_an_unknown_type_is_refused(out: Path) -> None:
    with pytest.raises(InvalidArgument, match="unhandled tar header type"):
        unpack(tar(Member("x", type=b"Z")), out)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b", "a/b"),
        ("./a//b/", "a/b"),
        ("/etc/passwd", "etc/passwd"),
        ("../../etc/passwd", "etc/passwd"),
        ("a/../../b", "b"),
        ("/", ""),
        ("..", ""),
        (".", ""),
    ],
)
def test_names_become_paths_below_the_root(name: str, path: str) -> None:
    assert clean(name) == path
