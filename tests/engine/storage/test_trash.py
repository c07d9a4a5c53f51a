"""What is thrown away has left its name at once, and is gone soon or at the next start."""

from __future__ import annotations

from pathlib import Path

from pogu.engine.storage.trash import Trash


async def test_throwing_away(tmp_path: Path) -> None:
    trash = Trash(tmp_path / "trash")
    trash.start()
    victim = tmp_path / "victim"
    (victim / "a" / "b").mkdir(parents=True)
    (victim / "link").symlink_to(tmp_path)
    trash.throw(victim)
    assert not victim.exists()
    trash.throw(victim)
    await trash.stop()
    assert list(tmp_path.iterdir()) == [tmp_path / "trash"]
    assert list((tmp_path / "trash").iterdir()) == []


async def test_a_start_deletes_what_an_earlier_run_left(tmp_path: Path) -> None:
    (tmp_path / "trash" / "old" / "tree").mkdir(parents=True)
    (tmp_path / "trash" / "file").write_text("x")
    trash = Trash(tmp_path / "trash")
    trash.start()
    await trash.stop()
    assert list((tmp_path / "trash").iterdir()) == []


async def test_new_names_differ(tmp_path: Path) -> None:
    trash = Trash(tmp_path / "trash")
    assert len({trash.new() for _ in range(10)}) == 10
    await trash.stop()
