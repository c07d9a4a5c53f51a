"""The changes since the last copy of the database, one entry for each transaction, appended after it.

An entry is its length and CRC-32 (both 32 bits, little endian) and a msgpack array of the transaction's number and its
changes: (kind, ID, data), the data nil for a removal. The first entry has the number of the copy and no changes.
The file is not synced: it is for a database that is damaged, not for a machine that loses power.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from pogu.engine.state.change import Change, Delete, Put

_HEAD = struct.Struct("<II")
_Row = tuple[str, str, bytes | None]
_Entry = tuple[int, list[_Row]]


@dataclass(slots=True)
class Content:
    """What a journal holds: the number it begins after, and each transaction; `is_whole` if all of it could be read."""

    base: int = 0
    transactions: list[tuple[int, list[Change]]] = field(default_factory=list)
    is_whole: bool = False

    @property
    def last(self) -> int:
        """The number of the last transaction."""
        return self.transactions[-1][0] if self.transactions else self.base


class Journal:
    """A journal to be appended to; for one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self.size = os.fstat(self._fd).st_size

    @classmethod
    def begin(cls, path: Path, base: int) -> Journal:
        """Make a new journal in place of the old one."""
        part = path.with_suffix(".part")
        part.write_bytes(_encode(base, []))
        part.chmod(0o600)
        part.rename(path)
        return cls(path)

    def append(self, number: int, changes: Sequence[Change]) -> None:
        """Add a transaction. Raises OSError; the journal is cut back to what it was then."""
        entry = _encode(number, changes)
        try:
            if os.write(self._fd, entry) != len(entry):
                raise OSError(f"{self._path} was written in part")
        except OSError:
            os.ftruncate(self._fd, self.size)
            raise
        self.size += len(entry)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def read(path: Path) -> Content:
    """Return what can be read of a journal; nothing, and not whole, where there is none."""
    content = Content()
    try:
        data = path.read_bytes()
    except OSError:
        return content
    position = 0
    while position < len(data):
        entry, end = _decode(data, position)
        if entry is None or (position and entry[0] != content.last + 1):
            return content
        if position:
            content.transactions.append((entry[0], [_change(row) for row in entry[1]]))
        else:
            content.base = entry[0]
        position = end
    content.is_whole = bool(data)
    return content


def _encode(number: int, changes: Sequence[Change]) -> bytes:
    rows = [(c.kind, c.id, c.data if isinstance(c, Put) else None) for c in changes]
    payload = msgspec.msgpack.encode((number, rows))
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def _decode(data: bytes, position: int) -> tuple[_Entry | None, int]:
    if len(data) - position < _HEAD.size:
        return None, position
    length, check = _HEAD.unpack_from(data, position)
    start = position + _HEAD.size
    payload = data[start : start + length]
    if len(payload) != length or zlib.crc32(payload) != check:
        return None, position
    return msgspec.msgpack.decode(payload, type=_Entry), start + length


def _change(row: _Row) -> Change:
    kind, id_, data = row
    return Delete(kind, id_) if data is None else Put(kind, id_, data)
