"""`logs`: whole lines with their times, filtered by stream and time, from the end or the beginning, and followed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pogu.engine.logs.files import Position
from pogu.engine.logs.follow import Ending, OpenSpool, follow
from pogu.engine.logs.spool import STDOUT, SpoolRecord
from pogu.engine.logs.tail import tail_position

LINE_LIMIT = 16 << 10  # Docker cuts longer lines into pieces of this many bytes


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What to read. `tail` is the number of last lines, None for all; `since` and `until` are Unix nanoseconds."""

    stdout: bool = True
    stderr: bool = True
    follow: bool = False
    tail: int | None = None
    since: int | None = None
    until: int | None = None
    timestamps: bool = False
    details: bool = False


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """A line, or a piece of one that is longer than 16 KB (`partial`) or not ended. Its line feed is in `data`."""

    stream: int
    time_ns: int
    data: bytes
    partial: bool


class _Pending:
    """Joins the pieces of each stream's line; the time is the first piece's."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[int, bytes]] = {}

    def add(self, record: SpoolRecord) -> Iterable[LogLine]:
        """Return the lines, or pieces, that the record completes."""
        if not (record.partial or record.stream in self._open or len(record.data) > LINE_LIMIT):
            return (LogLine(record.stream, record.time_ns, record.data, False),)
        return self._join(record)

    def _join(self, record: SpoolRecord) -> Iterator[LogLine]:
        time_ns, data = self._open.pop(record.stream, (0, b""))
        if not data:
            time_ns = record.time_ns
        data += record.data
        while len(data) > LINE_LIMIT and not (len(data) == LINE_LIMIT + 1 and not record.partial):
            yield LogLine(record.stream, time_ns, data[:LINE_LIMIT], True)
            data = data[LINE_LIMIT:]
        if record.partial:
            self._open[record.stream] = (time_ns, data)
        elif data:
            yield LogLine(record.stream, time_ns, data, False)

    def rest(self) -> Iterator[LogLine]:
        """Yield the lines that were never ended."""
        for stream, (time_ns, data) in sorted(self._open.items()):
            if data:
                yield LogLine(stream, time_ns, data, True)
        self._open.clear()


async def read_logs(path: Path, options: LogOptions, ending: Ending) -> AsyncIterator[LogLine]:
    """Yield the lines of the spool at `path`; with `follow` those still to come, until `ending` or `until`.

    A spool that does not exist is empty.
    """
    batches = read_log_batches(path, options, ending)
    try:
        async for batch in batches:
            for line in batch:
                yield line
    finally:
        await batches.aclose()


async def read_log_batches(path: Path, options: LogOptions, ending: Ending) -> AsyncGenerator[list[LogLine], None]:
    """Yield the lines as `read_logs`, those that are there at once together, never an empty list."""
    start = tail_position(path, options.tail) if options.tail is not None else Position()
    pending = _Pending()
    batches = follow(path, start, ending) if options.follow else _existing(path, start)
    try:
        async for batch in batches:
            lines = list(_lines(batch, pending))
            later = _first_later(lines, options.until)
            if chosen := [line for line in lines[:later] if _wanted(line, options)]:
                yield chosen
            if later is not None:
                return
        if chosen := [line for line in pending.rest() if _wanted(line, options)]:
            yield chosen
    finally:
        await batches.aclose()


def _first_later(lines: Sequence[LogLine], until: int | None) -> int | None:
    """Return the index of the first line after `until`, None where there is none."""
    if until is None:
        return None
    return next((n for n, line in enumerate(lines) if line.time_ns > until), None)


def _lines(batch: Iterable[SpoolRecord], pending: _Pending) -> Iterator[LogLine]:
    for record in batch:
        yield from pending.add(record)


def _wanted(line: LogLine, options: LogOptions) -> bool:
    if not (options.stdout if line.stream == STDOUT else options.stderr):
        return False
    return options.since is None or line.time_ns >= options.since


async def _existing(path: Path, start: Position) -> AsyncGenerator[list[SpoolRecord], None]:
    spool = OpenSpool(path, start)
    try:
        while (records := spool.read()) is not None:
            yield records
            await asyncio.sleep(0)  # a long log must not keep the loop from everybody else
    finally:
        spool.close()
