"""The daemon's log has dockerd's two forms, and its last lines are kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from pogu.daemon import journal


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("pogu")
    before = (list(root.handlers), root.level, ours.level)
    yield
    for handler in root.handlers:
        if handler not in before[0]:
            handler.close()
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def test_text(tmp_path: Path) -> None:
    journal.set_up("info", "text", tmp_path / "log")
    log = logging.getLogger("pogu.daemon.x")
    log.warning('a "quoted" word')
    log.debug("unseen")
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert line.startswith("time=")
    assert line.endswith('level=warning msg="a \\"quoted\\" word" module=daemon.x')


def test_json_with_a_traceback(tmp_path: Path) -> None:
    journal.set_up("debug", "json", tmp_path / "log")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("pogu").exception("it failed")
    entry = json.loads((tmp_path / "log").read_text())
    assert (entry["level"], entry["msg"]) == ("error", "it failed")
    assert "ValueError: broken" in entry["stack"]


def test_the_level_changes_while_running_and_is_ours_alone(tmp_path: Path) -> None:
    journal.set_up("error", "text", tmp_path / "log")
    ours, theirs = logging.getLogger("pogu.x"), logging.getLogger("asyncio")
    ours.info("one")
    journal.set_level("debug")
    ours.debug("two")
    theirs.debug("three")
    theirs.warning("four")
    text = (tmp_path / "log").read_text()
    assert [word in text for word in ("one", "two", "three", "four")] == [False, True, False, True]


def test_the_last_lines_are_kept() -> None:
    journal.set_up("info", "text")
    for i in range(journal.KEPT_LINES + 5):
        logging.getLogger("pogu").info("line %d", i)
    lines = journal.recent_lines()
    assert len(lines) == journal.KEPT_LINES
    assert f"line {journal.KEPT_LINES + 4}" in lines[-1]
