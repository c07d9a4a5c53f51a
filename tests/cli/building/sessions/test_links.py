"""What is needed to see paths whose parts are links."""

from __future__ import annotations

from pathlib import Path

import pytest

from pogu.cli.building.sessions.links import followed


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree with links of all kinds."""
    for name in ("dir/file", "dir/other", "plain"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    links = {"to-dir": "dir", "to-file": "dir/file", "dir/up": "../plain", "abs": "/dir", "chain": "to-file"}
    for name, target in {**links, "loop": "loop", "out": "../../../plain", "gone": "nowhere"}.items():
        (tmp_path / name).symlink_to(target)
    return tmp_path


@pytest.mark.parametrize(
    ("paths", "needed"),
    [
        (["plain"], {"plain"}),
        (["missing/x"], {"missing/x"}),
        (["to-dir/file"], {"to-dir", "dir/file"}),
        (["chain"], {"chain", "to-file", "dir/file"}),
        (["dir/up"], {"dir/up", "plain"}),
        (["abs/other"], {"abs", "dir/other"}),
        (["out"], {"out", "plain"}),
        (["gone"], {"gone", "nowhere"}),
        (["loop"], {"loop"}),
        (["to-*"], {"to-*", "dir", "dir/file"}),
        (["plain", "/"], set()),
        (["./dir/../plain"], {"plain"}),
    ],
)
def test_what_is_needed(root: Path, paths: list[str], needed: set[str]) -> None:
    assert set(followed(root, paths)) == needed
