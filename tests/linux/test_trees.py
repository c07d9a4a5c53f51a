"""Trees of any depth are walked and removed with few descriptors, never through a link or a mount."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.linux.mounts import MNT_DETACH, bind, mount, unmount
from pogu.linux.paths import open_root, opened
from pogu.linux.trees import Found, remove_tree, walk

pytestmark = pytest.mark.root


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "root").mkdir()
    with opened(open_root(tmp_path / "root")) as fd:
        yield fd


@pytest.fixture
def few_descriptors() -> Iterator[None]:
    """Leave room for a hundred more descriptors only."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(p.name) for p in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 100, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def make_deep(root: int, depth: int) -> None:
    """Nest directories far deeper than a path can say, as a process in a container can."""
    fd = os.dup(root)
    for i in range(depth):
        os.mkdir("down", dir_fd=fd)
        below = os.open("down", os.O_RDONLY, dir_fd=fd)
        os.close(os.open(f"file{i}", os.O_CREAT | os.O_WRONLY, dir_fd=below))
        os.close(fd)
        fd = below
    os.close(fd)


def paths(root: int) -> list[str]:
    return [found.path for found in walk(root)]


def test_depth_first_and_sorted(root: int, tmp_path: Path) -> None:
    for name in ("b/x", "b/a", "a", "c"):
        (tmp_path / "root" / name).mkdir(parents=True)
    (tmp_path / "root" / "b" / "link").symlink_to("/")
    assert paths(root) == ["a", "b", "b/a", "b/link", "b/x", "c"]


def test_directories_may_be_passed_over(root: int, tmp_path: Path) -> None:
    (tmp_path / "root" / "a" / "b").mkdir(parents=True)
    (tmp_path / "root" / "c" / "d").mkdir(parents=True)
    seen = []
    for found in walk(root):
        found.enter = found.path != "a"
        seen.append(found.path)
    assert seen == ["a", "c", "c/d"]


def test_each_is_found_in_its_parent(root: int) -> None:
    make_deep(root, 100)
    for found in walk(root):
        assert os.path.samestat(os.stat(found.name, dir_fd=found.parent, follow_symlinks=False), found.status)


def test_a_tree_deeper_than_any_path(root: int, few_descriptors: None) -> None:
    make_deep(root, 1000)  # "down/" a thousand times is more than PATH_MAX
    found = paths(root)
    assert len(found) > 800
    remove_tree(root, "down")
    assert os.listdir(root) == []


def test_what_vanishes_meanwhile_is_left_out(root: int, tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / "root" / name).mkdir()
    seen: list[Found] = []
    for found in walk(root):
        seen.append(found)
        if found.name == "a":
            (tmp_path / "root" / "a").rmdir()
            (tmp_path / "root" / "b").rmdir()
            (tmp_path / "root" / "b").symlink_to("c")
    assert [f.name for f in seen] == ["a", "b", "c"]


def test_a_walk_given_up_closes_what_it_opened(root: int) -> None:
    make_deep(root, 50)
    before = len(list(Path("/proc/self/fd").iterdir()))
    steps = walk(root)
    for _ in range(60):
        next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_removing_leaves_what_links_point_to(root: int, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "f").write_text("x")
    (tmp_path / "root" / "d").mkdir()
    (tmp_path / "root" / "d" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "top").symlink_to(tmp_path / "outside")
    for name in ("d", "top", "never-was"):
        remove_tree(root, name)
    assert os.listdir(root) == []
    assert (tmp_path / "outside" / "f").exists()


@pytest.mark.parametrize("kind", ["bind", "tmpfs"])
def test_removing_never_empties_what_is_mounted(root: int, tmp_path: Path, kind: str) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "f").write_text("the host's")
    target = tmp_path / "root" / "a" / "mounted"
    target.mkdir(parents=True)
    if kind == "bind":
        bind(tmp_path / "host", target)
    else:
        mount("tmpfs", target, "tmpfs")
        (target / "f").write_text("the host's")
    try:
        with pytest.raises(OSError) as e:
            remove_tree(root, "a")
        assert e.value.errno == errno.EXDEV
        assert (target / "f").read_text() == "the host's"
    finally:
        unmount(target, MNT_DETACH)
    remove_tree(root, "a")
    assert os.listdir(root) == []
