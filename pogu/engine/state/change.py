"""What can be changed in the table, and how a change is carried out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass


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


def apply(db: sqlite3.Connection, changes: Iterable[Change]) -> None:
    """Carry out changes within the transaction that is open."""
    for change in changes:
        if isinstance(change, Put):
            db.execute(
                "INSERT INTO records (kind, id, data) VALUES (?, ?, ?) "
                "ON CONFLICT (kind, id) DO UPDATE SET data = excluded.data",
                (change.kind, change.id, change.data),
            )
        else:
            db.execute("DELETE FROM records WHERE kind = ? AND id = ?", (change.kind, change.id))
