"""A database that is damaged, cut short or gone comes back from its copy and the journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pogu.engine.state import Delete, Put, StateStore
from pogu.engine.state.recovery import copy_path, journal_path
from pogu.errors import PoguError

RUBBISH = b"this is not what SQLite has written here" * 400


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    """A database with a record from before its copy, one from after it, and one removed after it."""
    path = tmp_path / "state.db"
    store = StateStore(path)
    await store.commit(Put("n", "before", b"1"), Put("n", "removed", b"2"))
    await _until_copied(path)
    await store.commit(Put("n", "after", b"3"), Delete("n", "removed"))
    store.close()
    yield path


async def _until_copied(path: Path) -> None:
    async with asyncio.timeout(30):
        while not (copy_path(path).exists() and journal_path(path).exists()):
            await asyncio.sleep(0.05)


ALL = [("after", b"3"), ("before", b"1")]


async def test_a_whole_database_is_left_alone(path: Path) -> None:
    store = StateStore(path)
    assert store.restoration is None
    assert store.problems() == []
    assert store.load("n") == ALL
    store.close()


@pytest.mark.parametrize("damage", ["rubbish", "head", "gone", "empty pages"])
async def test_everything_acknowledged_comes_back(path: Path, damage: str) -> None:
    data = path.read_bytes()
    path.with_name("state.db-wal").unlink(missing_ok=True)
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"rubbish": RUBBISH, "head": bytes(100) + data[100:], "empty pages": data[:2048]}[damage])
    store = StateStore(path)
    assert store.load("n") == ALL
    assert store.restoration
    assert store.restoration.complete
    assert "nothing is lost" in store.restoration.text
    await store.commit(Put("n", "next", b"4"))
    await store.forget_restoration()
    store.close()
    again = StateStore(path)
    assert [i for i, _ in again.load("n")] == ["after", "before", "next"]
    assert again.restoration is None
    again.close()


async def test_what_a_lost_write_ahead_log_took_along_comes_back(path: Path, tmp_path: Path) -> None:
    store = StateStore(path)
    data = path.read_bytes()
    await store.commit(Put("n", "late", b"5"))
    store.close()
    path.write_bytes(data)
    path.with_name("state.db-wal").unlink(missing_ok=True)
    again = StateStore(path)
    assert [i for i, _ in again.load("n")] == ["after", "before", "late"]
    assert again.restoration
    assert again.restoration.complete
    again.close()


async def test_without_the_journal_it_says_what_may_be_lost(path: Path) -> None:
    path.write_bytes(RUBBISH)
    journal_path(path).unlink()
    store = StateStore(path)
    assert store.load("n") == [("before", b"1"), ("removed", b"2")]
    assert store.restoration
    assert not store.restoration.complete
    assert "may be lost" in store.restoration.text
    store.close()
    assert path.with_name("state.damaged").read_bytes() == RUBBISH


async def test_a_damaged_copy_is_not_used(path: Path) -> None:
    path.write_bytes(RUBBISH)
    copy_path(path).write_bytes(RUBBISH)
    with pytest.raises(PoguError, match=r"not a readable database.*copy"):
        StateStore(path)
    assert path.read_bytes() == RUBBISH


async def test_a_database_damaged_while_it_is_open_is_replaced_and_the_commit_goes_through(path: Path) -> None:
    store = StateStore(path)
    await store.commit(Put("n", "open", b"6"))
    for name in ("state.db", "state.db-wal"):
        file = path.with_name(name)
        file.write_bytes(RUBBISH[: max(file.stat().st_size, 8192)])
    for number in range(3):
        await store.commit(Put("n", f"next{number}", b"7"))
    store.close()
    again = StateStore(path)
    assert [i for i, _ in again.load("n")] == ["after", "before", "next0", "next1", "next2", "open"]
    again.close()
