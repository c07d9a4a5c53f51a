"""The last good copy of the database, and its way back when the database is damaged. Everything here blocks."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from pathlib import Path

import msgspec

from pogu.engine.state import journal
from pogu.engine.state.change import Put, apply
from pogu.engine.state.database import connect, damage, sequence, set_sequence
from pogu.engine.state.journal import Journal
from pogu.errors import PoguError
from pogu.linux.paths import sync_directory

MARK = ("state", "restoration")  # kind and ID of the record that remembers a restoration


class Restoration(msgspec.Struct, frozen=True):
    """How the records came back. `complete` says that nothing which was acknowledged can be missing."""

    time: str  # RFC 3339
    reason: str
    records: int
    replayed: int  # transactions after the copy
    complete: bool
    copy_time: str

    @property
    def text(self) -> str:
        """What happened, in a sentence for the user."""
        end = (
            "nothing is lost"
            if self.complete
            else f"what was changed after {self.copy_time} may be lost: `pogu system verify` lists what has no record"
        )
        return (
            f"the database of the records was damaged ({self.reason}); at {self.time} it was restored from the copy "
            f"of {self.copy_time} and {self.replayed} later changes: {end}"
        )


def copy_path(path: Path) -> Path:
    """Return where the last good copy is."""
    return path.with_suffix(".copy")


def journal_path(path: Path) -> Path:
    """Return where the changes since the copy are."""
    return path.with_suffix(".journal")


def restore_if_damaged(path: Path) -> None:
    """Bring the database back from its copy if it is damaged, cut short or gone.

    Raises:
        PoguError: it is damaged, and there is no good copy.
    """
    reason = damage(path) if path.exists() else "it was gone" if copy_path(path).exists() else ""
    if reason:
        restore(path, reason)
    elif path.exists():
        _catch_up(path)


def restore(path: Path, reason: str) -> None:
    """Put the copy in the database's place and replay the changes after it; the damaged files are kept beside.

    Raises:
        PoguError: there is no good copy.
    """
    copy = copy_path(path)
    problem = damage(copy) if copy.exists() else "there is none"
    if problem:
        raise PoguError(f"{path} is not a readable database: {reason}; of its copy {copy} SQLite says: {problem}")
    part = path.with_suffix(".part")
    shutil.copy2(copy, part)
    for suffix in ("", "-wal", "-shm"):
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.replace(path.with_name(f"{path.stem}.damaged{suffix}"))
    changes = journal.read(journal_path(path))
    db = connect(part)
    try:
        with db:
            base = sequence(db)
            fits = changes.is_whole and changes.base <= base
            later = [(n, c) for n, c in changes.transactions if n > base] if changes.base <= base else []
            for _, transaction in later:
                apply(db, transaction)
            set_sequence(db, max([base, *(n for n, _ in later)]))
            (count,) = db.execute("SELECT count(*) FROM records").fetchone()
            made = _rfc3339(copy.stat().st_mtime)
            mark = Restoration(_rfc3339(time.time()), reason, int(count), len(later), fits, made)
            apply(db, [Put(*MARK, msgspec.json.encode(mark))])
    finally:
        db.close()
    part.replace(path)
    sync_directory(path.parent)


def _catch_up(path: Path) -> None:
    """Replay what the journal has beyond the database: a write-ahead log that was lost took it along."""
    changes = journal.read(journal_path(path))
    try:
        db = connect(path)
        try:
            (has_table,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'records'").fetchone()
            known = sequence(db) if has_table else 0
            if changes.last <= known or changes.base > known:
                return
            with db:
                later = [(n, c) for n, c in changes.transactions if n > known]
                for _, transaction in later:
                    apply(db, transaction)
                set_sequence(db, changes.last)
                reason = f"its last {len(later)} changes were gone"
                now = _rfc3339(time.time())
                mark = Restoration(now, reason, len(later), len(later), True, now)
                apply(db, [Put(*MARK, msgspec.json.encode(mark))])
        finally:
            db.close()
    except sqlite3.DatabaseError as e:
        raise PoguError(f"{path} is not a readable database: {e}") from e


def make_copy(db: sqlite3.Connection, path: Path) -> Journal:
    """Make a new good copy beside the database and begin a new journal; the old ones stay until the new are whole.

    Raises:
        OSError, sqlite3.Error: there is no room; the old copy and journal stay.
        PoguError: the database gives no good copy.
    """
    part = path.with_suffix(".copy-part")
    try:
        part.unlink(missing_ok=True)
        db.execute("VACUUM INTO ?", (str(part),))
        part.chmod(0o600)
        if problem := damage(part):
            raise PoguError(f"{path} gives no good copy: {problem}")
        for suffix in ("-wal", "-shm"):
            part.with_name(part.name + suffix).unlink(missing_ok=True)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(copy_path(path))
    finally:
        part.unlink(missing_ok=True)
    started = Journal.begin(journal_path(path), sequence(db))
    sync_directory(path.parent)
    return started


def _rfc3339(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
