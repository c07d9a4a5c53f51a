"""The journal: what was appended is read again, up to the first damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from pogu.engine.state import Delete, Put
from pogu.engine.state.journal import Journal, read


def _write(path: Path) -> None:
    journal = Journal.begin(path, 7)
    journal.append(8, [Put("n", "a", b"1"), Delete("n", "b")])
    journal.append(9, [Put("n", "c", bytes(1000))])
    journal.close()


def test_what_was_appended_is_read(tmp_path: Path) -> None:
    _write(tmp_path / "j")
    again = Journal(tmp_path / "j")
    again.append(10, [Delete("n", "c")])
    again.close()
    found = read(tmp_path / "j")
    assert (found.base, found.last, found.is_whole) == (7, 10, True)
    assert found.transactions[0] == (8, [Put("n", "a", b"1"), Delete("n", "b")])
    assert found.transactions[2] == (10, [Delete("n", "c")])


@pytest.mark.parametrize("cut", [1, 500, 1040])
def test_a_torn_end_is_told(tmp_path: Path, cut: int) -> None:
    _write(tmp_path / "j")
    data = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(data[:-cut])
    found = read(tmp_path / "j")
    assert not found.is_whole
    assert found.last in (7, 8)


def test_a_changed_byte_ends_it(tmp_path: Path) -> None:
    _write(tmp_path / "j")
    data = bytearray((tmp_path / "j").read_bytes())
    data[-20] ^= 1
    (tmp_path / "j").write_bytes(data)
    found = read(tmp_path / "j")
    assert (found.last, found.is_whole) == (8, False)


def test_a_gap_in_the_numbers_ends_it(tmp_path: Path) -> None:
    _write(tmp_path / "j")
    journal = Journal(tmp_path / "j")
    journal.append(12, [])
    journal.close()
    found = read(tmp_path / "j")
    assert (found.last, found.is_whole) == (9, False)


def test_no_journal_is_not_whole(tmp_path: Path) -> None:
    assert not read(tmp_path / "j").is_whole
