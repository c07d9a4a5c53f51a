"""A durable table of (kind, id) -> bytes with group commit.

One thread owns the writing connection. Whoever calls `commit` waits until the changes are on disk
(`synchronous=FULL`); all commits that arrive while a transaction is being written share the next one.
The services keep their records in memory and read the table only when they start.

Beside the database `state.db` are its last good copy `state.copy`, and in `state.journal` every transaction since. A
database that is damaged, now or at the next start, is replaced by them.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pogu.engine.state import journal, recovery
from pogu.engine.state.change import Change, Delete, apply
from pogu.engine.state.database import connect, damage, is_damage, is_full, migrate, sequence, set_sequence
from pogu.engine.state.journal import Journal
from pogu.engine.state.recovery import MARK, Restoration
from pogu.engine.state.reserve import Reserve
from pogu.errors import PoguError, Unavailable
from pogu.failpoints import step

log = logging.getLogger(__name__)

_COPY_AFTER = 1.0  # seconds of rest
_COPY_AGAIN = 60.0  # after one that failed
_COPY_WITHIN = 10.0  # even if there is no rest
_JOURNAL_BYTES = 1 << 20  # at least, before the next copy; a large database is copied less often


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
        PoguError: the file is not a database and has no good copy, or was written by a newer Pogu.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        recovery.restore_if_damaged(path)
        migrate(path)
        self._queue: queue.SimpleQueue[_Commit | None] = queue.SimpleQueue()
        self._closed = False
        self._db = connect(path)
        self._sequence = sequence(self._db)
        self._journal = self._continue_journal()
        self._copy_bytes, self._copy_wait = _JOURNAL_BYTES, _COPY_AFTER
        self._copy_until = time.monotonic() + _COPY_WITHIN
        self._reserve = Reserve(path.with_suffix(".reserve"))
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)
        self._thread.start()

    def load(self, kind: str) -> list[tuple[str, bytes]]:
        """Return every (id, data) of one kind, ordered by id."""
        with connect(self.path) as db:
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

    @property
    def restoration(self) -> Restoration | None:
        """How the records were last restored from the copy, until `forget_restoration`."""
        found = dict(self.load(MARK[0])).get(MARK[1])
        return msgspec.json.decode(found, type=Restoration) if found else None

    async def forget_restoration(self) -> None:
        """Say that whoever should know of the restoration does."""
        await self.commit(Delete(*MARK))

    def problems(self) -> list[str]:
        """Return what is wrong with the database and its copy, in words; blocks."""
        found = []
        if problem := damage(self.path):
            found.append(f"the database {self.path} is damaged: {problem}")
        copy = recovery.copy_path(self.path)
        if copy.exists() and (problem := damage(copy)):
            found.append(f"the copy {copy} of the database is damaged: {problem}")
        return found

    def close(self) -> None:
        """Write what is waiting and stop the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._thread.join()

    # everything below runs in the thread

    def _continue_journal(self) -> Journal | None:
        """Return the journal if it tells all since the copy, else None: a new copy is due then."""
        path = recovery.journal_path(self.path)
        found = journal.read(path)
        if found.is_whole and found.last == self._sequence and recovery.copy_path(self.path).exists():
            return Journal(path)
        return None

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=self._copy_wait if self._is_copy_due() else None)
            except queue.Empty:
                self._copy()
                continue
            if item is None:
                break
            batch = [item]
            stop = self._drain(batch)
            self._write(batch)
            if stop:
                break
            if time.monotonic() > self._copy_until and self._is_copy_due():
                self._copy()
        self._db.close()
        if self._journal:
            self._journal.close()

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

    def _write(self, batch: list[_Commit]) -> None:
        try:
            self._transact(batch)
        except (sqlite3.Error, OSError, PoguError) as e:
            error = PoguError(f"cannot write {self.path}: {e}")
            for commit in batch:
                commit.finish(error)
            return
        for commit in batch:
            commit.finish(None)

    def _transact(self, batch: list[_Commit]) -> None:
        changes = [change for commit in batch for change in commit.changes]
        try:
            self._commit(changes)
        except sqlite3.DatabaseError as e:
            if is_damage(e):
                self._restore(str(e))
            elif not is_full(e) or not _frees(changes) or not self._reserve.release():
                raise
            self._commit(changes)
        self._reserve.fill()

    def _commit(self, changes: list[Change]) -> None:
        step("state.begun")
        number = self._sequence + 1
        with self._db:
            apply(self._db, changes)
            set_sequence(self._db, number)
            step("state.written")
        self._sequence = number
        self._note(number, changes)
        step("state.committed")

    def _note(self, number: int, changes: list[Change]) -> None:
        if self._journal is None:
            return
        try:
            self._journal.append(number, changes)
        except OSError as e:  # it would no longer tell all: the next copy begins another
            log.warning("the journal of the records ends here: %s", e)
            self._journal.close()
            self._journal = None

    def _restore(self, reason: str) -> None:
        """Replace the database, found damaged while running, by its copy and the journal."""
        log.error("the database %s is damaged: %s", self.path, reason)
        self._db.close()
        try:
            recovery.restore(self.path, reason)
        finally:
            self._db = connect(self.path)
        self._sequence = sequence(self._db)
        if self._journal:
            self._journal.close()
            self._journal = None

    def _is_copy_due(self) -> bool:
        return self._journal is None or self._journal.size > self._copy_bytes

    def _copy(self) -> None:
        try:
            fresh = recovery.make_copy(self._db, self.path)
        except (sqlite3.Error, OSError, PoguError) as e:
            log.warning("no copy of the records could be made: %s", e)
            self._copy_wait = _COPY_AGAIN
            self._copy_until = time.monotonic() + _COPY_AGAIN
            return
        if self._journal:
            self._journal.close()
        self._journal = fresh
        self._copy_bytes, self._copy_wait = max(_JOURNAL_BYTES, 2 * self.path.stat().st_size), _COPY_AFTER
        self._copy_until = time.monotonic() + _COPY_WITHIN


def _frees(changes: Sequence[Change]) -> bool:
    """Tell whether changes remove something: that must be possible on a disk that is full."""
    return any(isinstance(change, Delete) for change in changes)
