"""A durable table of (kind, id) -> bytes with group commit.

One thread owns the writing connection. Whoever calls `commit` waits until the changes are on disk
(`synchronous=FULL`); all commits that arrive while a transaction is being written share the next one.
The services keep their records in memory and read the table only when they start.
"""

from __future__ import annotations

import asyncio
import queue
import shutil
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pogu.errors import PoguError, Unavailable
from pogu.failpoints import step

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Put:
    """Write one record."""

    kind: str
    id: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove one record; a record that is not there is no error."""

    kind: str
    id: str


Change = Put | Delete


@dataclass(slots=True)
class _Commit:
    changes: Sequence[Change]
    done: asyncio.Future[None]
    loop: asyncio.AbstractEventLoop

    def finish(self, error: BaseException | None) -> None:
        def settle() -> None:
            if self.done.done():
                return
            if error is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(error)

        try:
            self.loop.call_soon_threadsafe(settle)
        except RuntimeError:  # the loop has closed: nobody is waiting any more
            pass


class StateStore:
    """The engine's database file.

    Raises (from the constructor):
        PoguError: the file is not a database, or was written by a newer Pogu.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        _migrate(path)
        self._queue: queue.SimpleQueue[_Commit | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)
        self._thread.start()

    def load(self, kind: str) -> list[tuple[str, bytes]]:
        """Return every (id, data) of one kind, ordered by id."""
        with _connect(self._path) as db:
            rows = db.execute("SELECT id, data FROM records WHERE kind = ? ORDER BY id", (kind,)).fetchall()
        db.close()
        return [(str(i), bytes(d)) for i, d in rows]

    async def commit(self, *changes: Change) -> None:
        """Make all `changes` durable together, or none.

        A caller that is cancelled while it waits does not take the changes back: they are written all the same.

        Raises:
            Unavailable: the store is closed.
            PoguError: the database could not be written (disk full, I/O error); nothing was changed.
        """
        if self._closed:
            raise Unavailable("the state store is closed")
        loop = asyncio.get_running_loop()
        item = _Commit(changes, loop.create_future(), loop)
        self._queue.put(item)
        await item.done

    def close(self) -> None:
        """Write what is waiting and stop the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        db = _connect(self._path)
        while True:
            item = self._queue.get()
            if item is None:
                break
            batch = [item]
            stop = self._drain(batch)
            self._write(db, batch)
            if stop:
                break
        db.close()

    def _drain(self, batch: list[_Commit]) -> bool:
        """Add what is already waiting to `batch`; True if the end was among it."""
        while True:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                return False
            if more is None:
                return True
            batch.append(more)

    def _write(self, db: sqlite3.Connection, batch: list[_Commit]) -> None:
        try:
            step("state.begun")
            with db:
                for commit in batch:
                    for change in commit.changes:
                        _apply(db, change)
                step("state.written")
            step("state.committed")
        except (sqlite3.Error, OSError) as e:
            error = PoguError(f"cannot write {self._path}: {e}")
            for commit in batch:
                commit.finish(error)
            return
        for commit in batch:
            commit.finish(None)


def _apply(db: sqlite3.Connection, change: Change) -> None:
    if isinstance(change, Put):
        db.execute(
            "INSERT INTO records (kind, id, data) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET data = excluded.data",
            (change.kind, change.id, change.data),
        )
    else:
        db.execute("DELETE FROM records WHERE kind = ? AND id = ?", (change.kind, change.id))


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=30, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    return db


def _migrate(path: Path) -> None:
    """Create the tables, or bring an older form up to date, keeping a copy of the old file beside it."""
    try:
        db = _connect(path)
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise PoguError(f"{path} was written by a newer Pogu (schema {version}, this one knows {SCHEMA_VERSION})")
        if 0 < version < SCHEMA_VERSION:
            shutil.copy2(path, path.with_suffix(f".v{version}"))
        with db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS records "
                "(kind TEXT NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID"
            )
            db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.close()
    except sqlite3.DatabaseError as e:
        raise PoguError(f"{path} is not a readable database: {e}") from e
