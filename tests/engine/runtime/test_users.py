"""Names and numbers of users, looked up inside the root alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pogu.engine.runtime import ResolvedUser, resolve_user
from pogu.errors import InvalidArgument


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\n# comment\nbroken line\n\nann:x:1000:1001::/home/ann:/bin/sh\nlast:x:5:6:::\n"
    )
    (tmp_path / "etc/group").write_text(
        "root:x:0:root\nann:x:1001:\nwheel:x:10:root,ann\nvideo:x:44:ann\nbad:x:\n7:x:9:\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "user, expected",
    [
        ("", ResolvedUser(0, 0, [0, 10], "/root")),
        ("root", ResolvedUser(0, 0, [0, 10], "/root")),
        ("ann", ResolvedUser(1000, 1001, [1001, 10, 44], "/home/ann")),
        ("1000", ResolvedUser(1000, 1001, [1001, 10, 44], "/home/ann")),
        ("ann:video", ResolvedUser(1000, 44, [44], "/home/ann")),
        ("ann:77", ResolvedUser(1000, 77, [77], "/home/ann")),
        ("4000", ResolvedUser(4000, 0, [0], "/")),
        ("4000:wheel", ResolvedUser(4000, 10, [10], "/")),
        (":wheel", ResolvedUser(0, 10, [10], "/root")),
        ("last", ResolvedUser(5, 6, [6], "/")),
        ("0:7", ResolvedUser(0, 9, [9], "/root")),
    ],
)
def test_users(root: Path, user: str, expected: ResolvedUser) -> None:
    assert resolve_user(root, user) == expected


def test_additional_groups(root: Path) -> None:
    assert resolve_user(root, "ann", ["video", "99", "ann"]).groups == [1001, 10, 44, 99]
    assert resolve_user(root, "4000:5", ["wheel"]).groups == [5, 10]


@pytest.mark.parametrize(
    "user, words",
    [
        ("nobody", "unable to find user nobody: no matching entries in passwd file"),
        ("ann:nogroup", "unable to find group nogroup: no matching entries in group file"),
        ("99999999999", "uids and gids must be in range 0-2147483647"),
        ("0:-5", "uids and gids must be in range 0-2147483647"),
    ],
)
def test_what_is_not_there(root: Path, user: str, words: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        resolve_user(root, user)
    assert str(caught.value) == words


def test_an_unknown_additional_group(root: Path) -> None:
    with pytest.raises(InvalidArgument, match="Unable to find group nope: no matching entries in group file"):
        resolve_user(root, "", ["nope"])


def test_an_image_without_files_has_root(tmp_path: Path) -> None:
    assert resolve_user(tmp_path, "") == ResolvedUser(0, 0, [0], "/")


def test_links_in_the_image_do_not_lead_out(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "passwd"
    outside.write_text("evil:x:666:666::/:/bin/sh\n")
    (root / "etc/passwd").unlink()
    (root / "etc/passwd").symlink_to(outside)
    with pytest.raises(InvalidArgument, match="unable to find user evil"):
        resolve_user(root, "evil")
    (root / "etc/passwd").unlink()
    os.mkfifo(root / "etc/passwd")
    assert resolve_user(root, "12").uid == 12


def test_a_descriptor_of_a_root_will_do(root: Path) -> None:
    fd = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        assert resolve_user(fd, "ann").uid == 1000
    finally:
        os.close(fd)
