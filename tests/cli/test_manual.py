"""The manual pages: one for each command, and nothing in them that man complains of."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pogu.cli import catalog
from pogu.cli.manual import main, pages


def test_there_is_a_page_for_every_name() -> None:
    names = {name for name, _ in pages()}
    expected = {"pogu", *(f"pogu-{name}" for name in (*catalog.ROOT, *catalog.GROUPS))}
    for group, (_, commands) in catalog.GROUPS.items():
        expected |= {f"pogu-{group}-{name}" for name in commands}
    assert names == expected


def test_a_page(tmp_path: Path) -> None:
    main(str(tmp_path))
    text = (tmp_path / "pogu-volume-ls.1").read_text()
    assert text.startswith('.TH "POGU\\-VOLUME\\-LS" 1 "" "Pogu')
    for line in (
        "pogu\\-volume\\-ls \\- List volumes",
        "\\fBpogu volume ls\\fR [OPTIONS]",
        "\\fB\\-q, \\-\\-quiet\\fR",
        "Only display volume names",
    ):
        assert f"\n{line}\n" in text


def test_man_shows_them_without_a_warning(tmp_path: Path) -> None:
    if not shutil.which("groff"):
        pytest.skip("there is no groff here")
    main(str(tmp_path))
    files = sorted(tmp_path.iterdir())
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", *files], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    shown = subprocess.run(
        ["groff", "-man", "-Tascii", tmp_path / "pogu-run.1"], capture_output=True, text=True, check=True
    ).stdout
    assert "--detach-keys string" in re.sub(".\b|\x1b\\[[0-9]*m", "", shown)  # without what makes letters bold
