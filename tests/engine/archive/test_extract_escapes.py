"""Nothing leaves the directory an archive is unpacked into, whatever the archive holds."""

from __future__ import annotations

import os
import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pogu.engine.archive import ExtractOptions, Whiteouts
from pogu.errors import InvalidArgument
from pogu.linux.paths import open_root, opened
from pogu.linux.trees import remove_tree
from tests.engine.archive.tars import Member, tar, unpack

pytestmark = pytest.mark.root


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory beside the root that must be, after every test, what it was before."""
    directory = tmp_path / "outside"
    directory.mkdir()
    victim = directory / "victim"
    victim.write_text("untouched")
    victim.chmod(0o600)
    os.utime(victim, (1, 1))
    os.utime(directory, (1, 1))
    yield directory
    status = victim.lstat()
    assert [p.name for p in directory.iterdir()] == ["victim"]
    assert victim.read_text() == "untouched"
    assert (status.st_nlink, stat.S_IMODE(status.st_mode), status.st_uid, status.st_mtime) == (1, 0o600, 0, 1)
    assert directory.stat().st_mtime == 1


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


ESCAPES = {
    "dots": lambda out: tar("../outside/new"),
    "many dots": lambda out: tar("../" * 40 + "outside/new"),
    "dots in the middle": lambda out: tar("a/../../outside/new"),
    "dots directory": lambda out: tar("../outside/", Member("../outside", mode=0o777)),
    "absolute": lambda out: tar(f"{out}/new"),
    "absolute directory": lambda out: tar(Member(f"{out}/", mode=0o777)),
    "through a symlink": lambda out: tar(Member("link", link=str(out)), "link/new"),
    "through a relative symlink": lambda out: tar(Member("link", link="../outside"), "link/new"),
    "through two symlinks": lambda out: tar(Member("a", link=".."), Member("b", link="a/outside"), "b/new"),
    "through nested symlinks": lambda out: tar("d/", Member("d/up", link="../.."), "d/up/outside/new"),
    "over a symlink to a file": lambda out: tar(Member("link", link=f"{out}/victim"), Member("link", b"overwritten")),
    "directory over a symlink": lambda out: tar(Member("link", link=str(out)), Member("link/", mode=0o777), "link/new"),
    "mode through a symlink": lambda out: tar(Member("victim", link=f"{out}/victim", mode=0o777)),
    "fifo over a symlink": lambda out: tar(
        Member("link", link=f"{out}/victim"), Member("link", type=tarfile.FIFOTYPE, mode=0o777)
    ),
    "device over a symlink": lambda out: tar(
        Member("link", link=f"{out}/victim"), Member("link", type=tarfile.CHRTYPE, device=(1, 3), mode=0o777, uid=9)
    ),
    "directory replaced by a symlink": lambda out: tar("d/", "d/f", Member("d", link=str(out)), "d/new"),
    "times of a replaced directory": lambda out: tar(Member("d/", mtime=7), Member("d", link=str(out))),
    "attribute through a symlink": lambda out: tar(
        Member("link", link=f"{out}/victim", pax={"SCHILY.xattr.trusted.evil": "x"})
    ),
    "whiteout through a symlink": lambda out: tar(Member("link", link=str(out)), "link/.wh.victim"),
    "whiteout with dots": lambda out: tar("../outside/.wh.victim"),
    "opaque through a symlink": lambda out: tar(Member("link", link=str(out)), "link/.wh..wh..opq"),
    "proc": lambda out: tar(Member("link", link="/proc/self/root"), f"link{out}/new"),
    "proc cwd": lambda out: tar(Member("link", link="/proc/self/cwd"), "link/new"),
}
REFUSED = {
    "hardlink outside": lambda out: tar(Member("h", link=f"={out}/victim")),
    "hardlink with dots": lambda out: tar(Member("h", link="=../outside/victim")),
    "hardlink through a symlink": lambda out: tar(Member("link", link=str(out)), Member("h", link="=link/victim")),
    "hardlink to nothing": lambda out: tar(Member("h", link="=")),
    "hardlink to a directory": lambda out: tar("d/", Member("h", link="=d")),
    "hardlink to the root": lambda out: tar(Member("h", link="=/")),
    "through a circle": lambda out: tar(Member("a", link="b"), Member("b", link="a"), "a/new"),
    "through a file": lambda out: tar("f", "f/new"),
    "name too long": lambda out: tar("n" * 256),
    "empty symlink": lambda out: tar(Member("s", type=tarfile.SYMTYPE)),
}
WHITEOUTS_REFUSED = {
    "whiteout of here": lambda out: tar("d/", "d/.wh.."),
    "whiteout of the parent": lambda out: tar("d/", "d/.wh..."),
    "whiteout of nothing": lambda out: tar("d/", "d/.wh."),
}


@pytest.mark.parametrize("whiteouts", Whiteouts)
@pytest.mark.parametrize("escape", ESCAPES)
def test_archives_that_try_to_escape(root: Path, outside: Path, escape: str, whiteouts: Whiteouts) -> None:
    try:
        unpack(ESCAPES[escape](outside), root, ExtractOptions(whiteouts=whiteouts))
    except InvalidArgument:
        pass  # refused is as good; the fixture sees that nothing happened outside


@pytest.mark.parametrize("case", REFUSED)
def test_entries_that_cannot_be_made_are_refused(root: Path, outside: Path, case: str) -> None:
    with pytest.raises(InvalidArgument):
        unpack(REFUSED[case](outside), root)


@pytest.mark.parametrize("whiteouts", [Whiteouts.OVERLAY, Whiteouts.DELETE])
@pytest.mark.parametrize("case", WHITEOUTS_REFUSED)
def test_whiteouts_of_no_name_are_refused(root: Path, outside: Path, case: str, whiteouts: Whiteouts) -> None:
    with pytest.raises(InvalidArgument, match="whiteout"):
        unpack(WHITEOUTS_REFUSED[case](outside), root, ExtractOptions(whiteouts=whiteouts))


PARTS = st.sampled_from(["..", ".", "", "a", "b", "c", "outside", "victim", ".wh.a", ".wh..wh..opq", "proc", "self"])
PATHS = st.builds("/".join, st.lists(PARTS, min_size=1, max_size=6))
TYPES = st.sampled_from(
    [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE]
)
MEMBERS = st.builds(
    lambda name, link, type_: Member(name or "x", link=link, type=type_, mode=0o777, uid=77), PATHS, PATHS, TYPES
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(members=st.lists(MEMBERS, min_size=2, max_size=12), whiteouts=st.sampled_from(Whiteouts))
def test_no_mixture_of_names_and_links_escapes(
    tmp_path: Path, outside: Path, members: list[Member], whiteouts: Whiteouts
) -> None:
    """What the fixture holds of `outside` at the end is held after every example as well."""
    root = tmp_path / "deep" / "root"
    root.mkdir(parents=True, exist_ok=True)
    before = sorted((str(p), p.lstat().st_mode, p.lstat().st_uid) for p in tmp_path.glob("*"))
    for member in members:
        if member.link:
            member.link = member.link.replace("outside", str(outside)) if len(member.name) % 2 else member.link
    try:
        unpack(tar(*members), root, ExtractOptions(whiteouts=whiteouts))
    except InvalidArgument:
        pass
    finally:
        with opened(open_root(tmp_path / "deep")) as fd:
            remove_tree(fd, "root")
            assert not any((tmp_path / "deep").iterdir())
    assert sorted((str(p), p.lstat().st_mode, p.lstat().st_uid) for p in tmp_path.glob("*")) == before
    assert [p.name for p in outside.iterdir()] == ["victim"]


def test_a_link_into_the_root_is_followed_inside_it(root: Path, outside: Path) -> None:
    unpack(tar(Member("etc", link="/conf"), "conf/", "etc/f"), root)
    assert (root / "conf" / "f").is_file()


def test_an_existing_link_out_of_the_root_is_replaced_and_not_written_through(root: Path, outside: Path) -> None:
    root.mkdir()
    (root / "f").symlink_to(outside / "victim")
    unpack(tar(Member("f", b"new")), root)
    assert not (root / "f").is_symlink()


def test_an_existing_fifo_is_replaced_and_not_waited_for(root: Path) -> None:
    root.mkdir()
    os.mkfifo(root / "f")
    unpack(tar(Member("f", b"new")), root)
    assert (root / "f").read_bytes() == b"new"


def test_a_process_that_swaps_directories_for_links_meanwhile_gains_nothing(root: Path, outside: Path) -> None:
    """What a hostile container can do during `docker cp` into it."""
    root.mkdir()
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for make in (lambda p: p.symlink_to(outside), lambda p: p.mkdir()):
                try:
                    (root / "d").rename(root / "away")
                    make(root / "d")
                    if (root / "away").is_symlink():
                        (root / "away").unlink()
                    else:
                        for child in (root / "away").iterdir():
                            child.unlink()
                        (root / "away").rmdir()
                except OSError:
                    continue

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        members: list[Member | str] = []
        for i in range(30):
            members += [Member("d/", mode=0o777, uid=i), Member(f"d/f{i}", b"x", mode=0o777, uid=i)]
            members += [Member("victim", type=tarfile.FIFOTYPE, mode=0o777, uid=5)]
        for _ in range(10):
            try:
                unpack(tar(*members), root)
            except InvalidArgument:
                pass
    finally:
        stop.set()
        thread.join()
