"""Contexts in memory, and what becomes of those that are too large for it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.engine.build.contexts import unpacking
from pogu.engine.build.contexts.unpacking import clear_all_memory, clear_memory, memory_beside, unpack
from pogu.linux.mounts import is_mounted
from tests.engine.build.conftest import context_tar

FILES = {"d/": "", "d/a": "A" * 3000, "d/b": "B" * 3000, "d/c": "C" * 3000, "e/": "", "e/f": "F"}


def _content(root: Path) -> dict[str, str]:
    return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    where = memory_beside(tmp_path)
    assert where is not None
    yield where
    clear_memory(tmp_path)


def test_a_small_context_is_in_memory_alone(tmp_path: Path, memory: Path) -> None:
    assert unpack(io.BytesIO(context_tar(FILES)), memory, tmp_path / "disk") == memory
    assert _content(memory) == {name: text for name, text in FILES.items() if not name.endswith("/")}
    assert _content(tmp_path / "disk") == {}
    clear_memory(tmp_path)
    assert not is_mounted(memory)


def test_a_context_that_becomes_too_large_goes_on_on_the_disk(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_MOST", 3 * 4096 + 6000)
    disk = tmp_path / "disk"
    assert unpack(io.BytesIO(context_tar(FILES)), memory, disk) == disk
    assert _content(disk) == {name: text for name, text in FILES.items() if not name.endswith("/")}
    assert {(disk / name).stat().st_mtime for name in ("d", "e", "d/a", "d/c")} == {1_500_000_000}


def test_what_a_killed_daemon_left_is_unmounted(tmp_path: Path, memory: Path) -> None:
    clear_all_memory(tmp_path)
    assert not is_mounted(memory)
