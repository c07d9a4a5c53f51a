"""The database file: its connection, its form, and whether it is whole. Everything here blocks."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from pogu.engine.state.change import Put, apply
from pogu.errors import PoguError

SCHEMA_VERSION = 1
_KIND, _ID = "state", "sequence"  # the record that counts the transactions


def connect(path: Path) -> sqlite3.Connection:
    """Open the database for a thread of its own."""
    db = sqlite3.connect(path, timeout=30, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
    except BaseException:
        db.close()
        raise
    return db


def damage(path: Path) -> str:
    """Return what is wrong with a database file in SQLite's words, "" if it is whole.

    Raises:
        PoguError: it cannot be opened for another reason.
    """
    try:
        db = connect(path)
        try:
            (result,) = db.execute("PRAGMA quick_check(1)").fetchone()
            return "" if result == "ok" else str(result)
        finally:
            db.close()
    except sqlite3.DatabaseError as e:
        if not is_damage(e):  # it could not be opened, for a reason that says nothing of what is in it
            raise PoguError(f"{path} cannot be opened: {e}") from e
        return str(e)


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether an error means that the file is damaged."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_full(error: sqlite3.Error) -> bool:
    """Tell whether an error means that there is no room on the disk."""
    return _code(error) == sqlite3.SQLITE_FULL


def _code(error: sqlite3.Error) -> int:
    return (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF


def migrate(path: Path) -> None:
    """Create the tables, or bring an older form up to date, keeping a copy of the old file beside it.

    Raises:
        PoguError: it was written by a newer Pogu, or cannot be read or written.
    """
    try:
        db = connect(path)
        try:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise PoguError(
                    f"{path} was written by a newer Pogu (schema {version}, this one knows {SCHEMA_VERSION})"
                )
            if 0 < version < SCHEMA_VERSION:
                shutil.copy2(path, path.with_suffix(f".v{version}"))
            with db:
                db.execute(
                    "CREATE TABLE IF NOT EXISTS records "
                    "(kind TEXT NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID"
                )
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        finally:
            db.close()
    except sqlite3.DatabaseError as e:
        raise PoguError(f"{path} is not a readable database: {e}") from e


def sequence(db: sqlite3.Connection) -> int:
    """Return the number of the last transaction."""
    row = db.execute("SELECT data FROM records WHERE kind = ? AND id = ?", (_KIND, _ID)).fetchone()
    return int(row[0]) if row else 0


def set_sequence(db: sqlite3.Connection, number: int) -> None:
    """Write the number of the transaction that is open."""
    apply(db, [Put(_KIND, _ID, str(number).encode())])
