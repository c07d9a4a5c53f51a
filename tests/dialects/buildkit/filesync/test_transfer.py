"""Trees sent from one directory to another, and senders that do not mean well."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pogu.dialects.buildkit.filesync import Receiver, Sender
from pogu.dialects.buildkit.messages.files import Packet, PacketType, Stat
from pogu.dialects.buildkit.protobuf import decode, encode
from pogu.engine.archive.go_modes import DEVICE, DIRECTORY, SYMLINK, go_mode, kernel_mode
from pogu.errors import InvalidArgument, PoguError
from pogu.linux.paths import open_root, opened
from tests.dialects.buildkit.trees import listing, make_everything


def transfer(source: Path, target: Path) -> list[int]:
    """Send one directory to another; return the numbers of the files that were asked for."""
    asked: list[int] = []
    with opened(open_root(source)) as one, opened(open_root(target)) as other:
        sender, receiver = Sender(one), Receiver(other)
        try:
            while not (sender.finished and receiver.finished):
                answers = receiver.feed(sender.more())
                packets = [decode(Packet, answer) for answer in answers]
                asked += [packet.id for packet in packets if packet.type == PacketType.REQUEST]
                sender.take(answers)
        finally:
            sender.close()
            receiver.close()
    return asked


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def test_a_tree_arrives_as_it_is_and_nothing_of_it_a_second_time(source: Path, target: Path) -> None:
    make_everything(source)
    before = descriptors()
    assert len(transfer(source, target)) == 6  # neither empty ones nor second names
    assert listing(target) == listing(source)
    assert transfer(source, target) == []
    assert listing(target) == listing(source)
    assert descriptors() == before


def test_what_differs_is_sent_and_what_is_gone_is_removed(source: Path, target: Path) -> None:
    make_everything(source)
    transfer(source, target)
    kept = os.open(target / "sub" / "deep" / "file", os.O_RDONLY)
    old = os.pread(kept, 1 << 20, 0)
    (source / "sub" / "deep" / "file").write_text("new content")
    (source / "suid").chmod(0o755)
    shutil.rmtree(source / "sub.d")
    (source / "sub.d").write_text("a file where a directory was")
    (source / "empty").unlink()
    (source / "empty").mkdir()
    (source / "empty" / "file").write_text("a directory where a file was")
    (source / "link").unlink()
    (source / "link").symlink_to("elsewhere")
    shutil.rmtree(source / "empty-dir")
    assert len(transfer(source, target)) == 4
    assert listing(target) == listing(source)
    assert os.pread(kept, 1 << 20, 0) == old  # an older inode is never written to
    os.close(kept)


def test_a_changed_attribute_or_owner_is_noticed(source: Path, target: Path) -> None:
    make_everything(source)
    transfer(source, target)
    os.setxattr(source / "suid", "user.colour", b"green")
    os.setxattr(source / "sub", "user.colour", b"red")
    os.chown(source / "empty", 5, 6)
    os.chown(source / "empty-dir", 7, 8)
    transfer(source, target)
    assert listing(target) == listing(source)
    os.removexattr(source / "sub", "user.colour")
    transfer(source, target)
    assert listing(target) == listing(source)


def test_more_files_than_are_asked_for_at_once(source: Path, target: Path) -> None:
    for number in range(700):
        (source / f"{number}").write_text(f"file {number}")
    assert len(transfer(source, target)) == 700
    assert listing(target) == listing(source)


def test_a_tree_deeper_than_descriptors_are_held(source: Path, target: Path) -> None:
    deep = source
    for number in range(100):
        deep = deep / f"d{number}"
        deep.mkdir()
        (deep / "a").write_text(str(number))
        (deep.parent / "z").write_text(str(number))
    transfer(source, target)
    assert listing(target) == listing(source)
    shutil.rmtree(source / "d0" / "d1")
    transfer(source, target)
    assert listing(target) == listing(source)


# --- what only a client that was made for it sends ---


class Hostile:
    """A receiver that is told whatever a test likes."""

    def __init__(self, target: Path) -> None:
        self._root = open_root(target)
        self._receiver = Receiver(self._root)

    def tell(self, *stats: Stat) -> list[Packet]:
        return self.say(*(Packet(stat=stat) for stat in stats))

    def say(self, *packets: Packet) -> list[Packet]:
        return [decode(Packet, raw) for raw in self._receiver.feed(encode(packet) for packet in packets)]

    def feed(self, *messages: bytes) -> list[bytes]:
        return self._receiver.feed(messages)

    def close(self) -> None:
        self._receiver.close()
        os.close(self._root)


@pytest.fixture
def hostile(target: Path) -> Iterator[Hostile]:
    made = Hostile(target)
    yield made
    made.close()


def directory(path: str) -> Stat:
    return Stat(path=path, mode=DIRECTORY | 0o755)


def file(path: str, size: int = 5) -> Stat:
    return Stat(path=path, mode=0o644, size=size)


@pytest.mark.parametrize(
    "path", ["", "/", "/etc", "..", "../x", "a/../../x", "a/..", ".", "a/.", "a//b", "a/", "missing/x", "nul\0byte"]
)
def test_paths_that_lead_out_or_are_not_clean(hostile: Hostile, target: Path, path: str) -> None:
    with pytest.raises(InvalidArgument):
        hostile.tell(directory("a"), file(path))
    assert sorted(p.name for p in target.parent.iterdir()) == ["target"]


@pytest.mark.parametrize("paths", [["b", "a"], ["a", "a"], ["b", "b/x", "a"]])
def test_paths_out_of_order(hostile: Hostile, paths: list[str]) -> None:
    with pytest.raises(InvalidArgument, match="out of order"):
        hostile.tell(*map(directory, paths))


def test_symbolic_links_in_the_target_are_never_followed(target: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("mine")
    (target / "d").symlink_to(outside)
    (target / "f").symlink_to(outside / "file")
    told = Hostile(target)
    told.tell(directory("d"), file("d/file"), file("f"))
    told.say(Packet(), *(Packet(type=PacketType.DATA, id=n, data=b"yours") for n in (1, 2)))
    told.say(*(Packet(type=PacketType.DATA, id=n) for n in (1, 2)))
    told.close()
    assert (outside / "file").read_text() == "mine"
    assert (target / "d" / "file").read_text() == "yours"
    assert not (target / "d").is_symlink()


def test_a_link_that_was_just_told_is_not_followed_either(hostile: Hostile, target: Path) -> None:
    with pytest.raises(InvalidArgument, match="out of order"):
        hostile.tell(Stat(path="d", mode=SYMLINK | 0o777, linkname="/etc"), file("d/file"))


def test_a_place_that_someone_swaps_while_its_content_comes(hostile: Hostile, target: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("mine")
    hostile.tell(directory("d"), file("d/file"))
    shutil.rmtree(target / "d")
    (target / "d").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError):
        hostile.say(Packet(type=PacketType.DATA, id=1, data=b"yours"))
    assert (tmp_path / "outside" / "file").read_text() == "mine"


@pytest.mark.parametrize("linkname", ["../outside", "/etc/passwd", "later", "d", "link"])
def test_hard_links_lead_only_to_files_that_came_before(hostile: Hostile, tmp_path: Path, linkname: str) -> None:
    (tmp_path / "outside").write_text("mine")
    told = [directory("d"), Stat(path="hard", mode=0o644, linkname=linkname)]
    with pytest.raises(InvalidArgument, match="has not come before"):
        hostile.tell(*told)


def test_attributes_that_would_mean_something_here_are_left_out(hostile: Hostile, target: Path) -> None:
    attributes = {"trusted.overlay.redirect": b"/etc", "security.selinux": b"x", "user.fine": b"y"}
    told = directory("d")
    told.xattrs = attributes
    hostile.tell(told, Stat(path="f", mode=0o644, xattrs=attributes))
    assert os.listxattr(target / "d") == os.listxattr(target / "f") == ["user.fine"]


def test_devices_come_as_they_are_told(hostile: Hostile, target: Path) -> None:
    hostile.tell(Stat(path="null", mode=DEVICE | 1 << 21 | 0o666, devmajor=1, devminor=3))
    assert (target / "null").is_char_device()
    assert (target / "null").stat().st_rdev == os.makedev(1, 3)


@pytest.mark.parametrize(
    ("packets", "why"),
    [
        ([Packet(type=PacketType.DATA, id=0, data=b"x")], "nobody asked for"),
        ([Packet(stat=file("a")), Packet(type=PacketType.DATA, id=7)], "nobody asked for"),
        ([Packet(), Packet(stat=file("a"))], "after the end"),
        ([Packet(type=PacketType.ERROR, data=b"open a: permission denied")], "sender: open a: permission denied"),
        ([Packet(type=9)], "unknown type 9"),
        ([Packet(type=PacketType.REQUEST, id=1)], "unknown type 1"),
    ],
)
def test_senders_that_break_the_rules(hostile: Hostile, packets: list[Packet], why: str) -> None:
    with pytest.raises(InvalidArgument, match=why):
        hostile.say(*packets)


def test_a_transfer_that_is_broken_off_is_made_whole_by_the_next(source: Path, target: Path) -> None:
    (source / "file").write_bytes(b"12345")
    os.utime(source / "file", ns=(0, 10**18))
    told = Hostile(target)
    whole = Stat(path="file", mode=go_mode((source / "file").stat().st_mode), size=5, modified=10**18)
    told.tell(whole)
    told.say(Packet(type=PacketType.DATA, id=0, data=b"123xx"))
    told.close()
    assert (target / "file").stat().st_size == 5
    assert transfer(source, target) == [0]
    assert listing(target) == listing(source)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=8))
def test_rubbish_is_refused_and_nothing_else(tmp_path_factory: pytest.TempPathFactory, messages: list[bytes]) -> None:
    target = tmp_path_factory.mktemp("rubbish")
    told = Hostile(target)
    try:
        told.feed(*messages)
    except (InvalidArgument, OSError):
        pass
    told.close()
    shutil.rmtree(target)


names = st.sampled_from(["a", "b", "..", "a/b", "a/b/c", "b/a", "/", "x\0"])
stats = st.builds(
    Stat,
    path=names,
    mode=st.sampled_from([0o644, DIRECTORY | 0o755, SYMLINK | 0o777, DEVICE | 0o600, 1 << 24, 1 << 19, 1 << 25]),
    size=st.sampled_from([0, 3, 2**62, -1]),
    linkname=st.sampled_from(["", "a", "../..", "/etc"]),
    uid=st.sampled_from([0, 2**32 - 1, 7]),
    modified=st.sampled_from([0, -1, 2**63 - 1, 10**18]),
)
packets = st.builds(
    Packet,
    type=st.integers(0, 5),
    stat=st.none() | stats,
    id=st.integers(0, 3),
    data=st.sampled_from([b"", b"abc"]),
)


@settings(deadline=None)
@given(st.lists(packets, max_size=12))
def test_any_packets_in_any_order(tmp_path_factory: pytest.TempPathFactory, said: list[Packet]) -> None:
    outer = tmp_path_factory.mktemp("any")
    (outer / "target").mkdir()
    before = descriptors()
    told = Hostile(outer / "target")
    try:
        told.say(*said)
    except (InvalidArgument, OSError):
        pass
    told.close()
    assert descriptors() == before
    assert [path.name for path in outer.iterdir()] == ["target"]
    shutil.rmtree(outer)


def test_a_sender_gives_nothing_that_it_did_not_tell(source: Path) -> None:
    (source / "d").mkdir()
    with opened(open_root(source)) as root:
        sender = Sender(root)
        sender.more()
        with pytest.raises(InvalidArgument, match="invalid file id 0"):
            sender.take([encode(Packet(type=PacketType.REQUEST, id=0))])
        with pytest.raises(PoguError, match="error from receiver: no space"):
            sender.take([encode(Packet(type=PacketType.ERROR, data=b"no space"))])
        sender.close()


@settings(deadline=None)
@given(st.integers(0, 0o7777), st.sampled_from([0o100000, 0o040000, 0o120000, 0o060000, 0o020000, 0o010000, 0o140000]))
def test_modes_survive_the_way_there_and_back(permissions: int, kind: int) -> None:
    assert kernel_mode(go_mode(kind | permissions)) == kind | permissions
