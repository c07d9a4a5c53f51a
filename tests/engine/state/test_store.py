"""The state store: what was acknowledged is there after any end of the process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pogu.engine.state import Delete, Put, StateStore
from pogu.errors import PoguError, Unavailable


async def test_records_are_there_when_opened_again(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "state.db")
    await store.commit(Put("container", "b", b"2"), Put("container", "a", b"1"), Put("volume", "a", b"v"))
    await store.commit(Delete("container", "b"), Delete("container", "never was"))
    store.close()
    again = StateStore(tmp_path / "state.db")
    assert again.load("container") == [("a", b"1")]
    assert again.load("volume") == [("a", b"v")]
    again.close()


async def test_many_callers_share_commits_and_all_are_kept(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "state.db")
    await asyncio.gather(*(store.commit(Put("n", f"{i:04}", b"x")) for i in range(1000)))
    assert len(store.load("n")) == 1000
    store.close()


async def test_a_caller_that_leaves_does_not_take_its_changes_back(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "state.db")
    waiting = asyncio.create_task(store.commit(Put("n", "1", b"x")))
    await asyncio.sleep(0)
    waiting.cancel()
    store.close()
    assert StateStore(tmp_path / "state.db").load("n") == [("1", b"x")]


async def test_a_closed_store_refuses(tmp_path: Path) -> None:
    store = StateStore(tmp_path / "state.db")
    store.close()
    with pytest.raises(Unavailable):
        await store.commit(Put("n", "1", b"x"))


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    before = path.read_bytes()
    with pytest.raises(PoguError, match="not a readable database"):
        StateStore(path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    import sqlite3

    db = sqlite3.connect(tmp_path / "state.db")
    db.execute("PRAGMA user_version = 999")
    db.close()
    with pytest.raises(PoguError, match="newer Pogu"):
        StateStore(tmp_path / "state.db")


WRITER = """
import asyncio, sys
from pathlib import Path
from pogu.engine.state import Put, StateStore

async def main():
    store = StateStore(Path(sys.argv[1]))
    for i in range(100000):
        await store.commit(Put("n", f"{i:06}", b"x"))
        print(i, flush=True)

asyncio.run(main())
"""


def test_acknowledged_means_durable_after_kill(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout
    acknowledged = [int(writer.stdout.readline()) for _ in range(200)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout if line.endswith(b"\n")]
    writer.wait()
    writer.stdout.close()
    store = StateStore(path)
    kept = {int(i) for i, _ in store.load("n")}
    store.close()
    assert set(acknowledged) <= kept
