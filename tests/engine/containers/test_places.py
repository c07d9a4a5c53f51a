"""What an image may put where the engine and the runtime mount things."""

from __future__ import annotations

from pathlib import Path

from pogu.engine.containers.places import clear_places


def test_links_and_files_give_way_to_directories(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "dev").symlink_to(outside)
    (root / "proc").symlink_to("../outside")
    (root / "sys").write_text("a file")
    (root / "etc").symlink_to(outside)
    clear_places(root)
    assert all((root / name).is_dir() and not (root / name).is_symlink() for name in ("dev", "proc", "sys", "etc"))
    assert not list(outside.iterdir())


def test_links_of_the_engines_files_go_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hosts").symlink_to("/elsewhere")
    (tmp_path / "etc/resolv.conf").symlink_to("../run/systemd/resolve/stub-resolv.conf")
    (tmp_path / "etc/hostname").write_text("kept\n")
    (tmp_path / "etc/mtab").symlink_to("/proc/mounts")
    clear_places(tmp_path)
    assert sorted(p.name for p in (tmp_path / "etc").iterdir()) == ["hostname", "mtab"]


def test_what_is_missing_stays_missing(tmp_path: Path) -> None:
    clear_places(tmp_path)
    assert not list(tmp_path.iterdir())
