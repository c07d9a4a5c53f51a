"""Network namespaces: made, entered, forgotten, and nothing left of one that failed."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from pogu.linux import namespaces
from pogu.linux.rtnetlink import RouteSocket


def own_inode() -> int:
    return Path("/proc/thread-self/ns/net").stat().st_ino


def test_work_runs_inside_and_the_caller_stays_outside(tmp_path: Path) -> None:
    path, before = tmp_path / "ns", own_inode()
    made = namespaces.create(path, own_inode)
    try:
        assert made != before == own_inode()
        assert namespaces.is_namespace(path)
        assert namespaces.inside(path, own_inode) == made == path.stat().st_ino
        assert [link.name for link in namespaces.inside(path, _links)] == ["lo"]
    finally:
        namespaces.remove(path)
    assert not path.exists()


def _links() -> list[object]:
    with RouteSocket() as sock:
        return list(sock.links())


def test_a_socket_stays_where_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "ns"
    sock = namespaces.create(path, RouteSocket)
    try:
        with sock:
            sock.add_bridge("b0", mac="02:42:00:00:00:01", mtu=1400, alias="")
            assert sock.link("b0") is not None
        with RouteSocket() as outside:
            assert outside.link("b0") is None
    finally:
        namespaces.remove(path)


def test_a_failure_inside_leaves_nothing_and_is_raised(tmp_path: Path) -> None:
    def fail() -> None:
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        namespaces.create(tmp_path / "ns", fail)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="ns"):
        namespaces.create(tmp_path / "missing" / "ns", lambda: None)


def test_removal_is_idempotent_and_takes_stacked_mounts(tmp_path: Path) -> None:
    path = tmp_path / "ns"
    namespaces.create(path, lambda: None)
    subprocess.run(["mount", "--bind", path, path], check=True)
    with pytest.raises(OSError, match="ns"):
        namespaces.create(path, lambda: None)
    assert namespaces.is_namespace(path)
    namespaces.remove(path)
    namespaces.remove(path)
    assert not path.exists()
    assert str(path) not in Path("/proc/self/mountinfo").read_text()


def test_a_plain_file_is_not_a_namespace(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not namespaces.is_namespace(tmp_path / "file")
    assert not namespaces.is_namespace(tmp_path / "missing")
    with pytest.raises(OSError, match="enter"):
        namespaces.inside(tmp_path / "file", own_inode)


def test_no_thread_remains(tmp_path: Path) -> None:
    before = threading.active_count()
    namespaces.create(tmp_path / "ns", lambda: None)
    namespaces.remove(tmp_path / "ns")
    assert threading.active_count() == before


def test_one_without_a_name_is_kept_by_its_descriptor_or_by_a_mount(tmp_path: Path) -> None:
    fd = namespaces.make(lambda: None)
    try:
        namespaces.keep(fd, tmp_path / "ns")
        inode = os.fstat(fd).st_ino
    finally:
        os.close(fd)
    try:
        assert namespaces.inside(tmp_path / "ns", own_inode) == inode
    finally:
        namespaces.remove(tmp_path / "ns")
