"""The finer rules of what counts as a change; the driver contract holds the rest."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest

from pogu.engine.storage import Change, ChangeKind
from pogu.engine.storage.compare import changes, usage
from pogu.engine.storage.lower import MergedDirectory
from pogu.linux.paths import open_root, opened

pytestmark = pytest.mark.root
CAP_NET_RAW = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)  # cap_net_raw=ep (linux/capability.h)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """The same file in a lower and in a whole upper tree."""
    for name in ("lower", "upper"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text("same")
        os.utime(tmp_path / name / "f", ns=(0, 5_123_456_789))
    return tmp_path / "upper", tmp_path / "lower"


def found(pair: tuple[Path, Path]) -> list[Change]:
    with opened(open_root(pair[0])) as fd:
        return changes(fd, MergedDirectory.of([pair[1]]), complete=True)


def test_the_same_is_no_change(pair: tuple[Path, Path]) -> None:
    assert found(pair) == []


def test_a_time_that_lost_its_fraction_is_the_same_time(pair: tuple[Path, Path]) -> None:
    os.utime(pair[0] / "f", ns=(0, 5_000_000_000))
    assert found(pair) == []
    os.utime(pair[0] / "f", ns=(0, 5_000_000_001))
    assert found(pair) == [Change("/f", ChangeKind.MODIFIED)]


def test_capabilities_count(pair: tuple[Path, Path]) -> None:
    os.setxattr(pair[0] / "f", "security.capability", CAP_NET_RAW)
    assert found(pair) == [Change("/f", ChangeKind.MODIFIED)]


def test_usage_does_not_follow_links(tmp_path: Path) -> None:
    (tmp_path / "tree" / "d").mkdir(parents=True)
    (tmp_path / "big").write_bytes(b"x" * 100_000)
    (tmp_path / "tree" / "d" / "link").symlink_to(tmp_path / "big")
    (tmp_path / "tree" / "d" / "f").write_bytes(b"x" * 10)
    with opened(open_root(tmp_path / "tree")) as fd:
        assert usage(fd) == 10 + len(str(tmp_path / "big"))
