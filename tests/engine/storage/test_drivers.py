"""Drivers by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from pogu.engine.storage import open_driver
from pogu.errors import Unsupported


@pytest.mark.parametrize(
    ("name", "reported"), [("overlay", "overlay2"), ("overlay2", "overlay2"), ("", "overlay2"), ("vfs", "vfs")]
)
def test_names(tmp_path: Path, name: str, reported: str) -> None:
    assert open_driver(name, tmp_path).name == reported


@pytest.mark.parametrize("name", ["aufs", "Overlay", "../vfs"])
def test_an_unknown_driver_is_told_with_what_there_is(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unsupported, match="choose overlay or vfs"):
        open_driver(name, tmp_path)
