"""The spool's format, without I/O: one record a line, `2026-01-01T00:00:00.000000000+00:00 stdout F text`.

This is the Kubernetes CRI log format as conmon writes it (`k8s-file`). The tag F says that the container ended the line
with a line feed; P that what follows continues it (the container has paused, or the piece was as large as conmon's
buffer). A record is cut off only by a crash of the machine; the line feed after it is where reading goes on.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec

STDOUT, STDERR = 1, 2
_STREAMS = {b"stdout": STDOUT, b"stderr": STDERR}


class SpoolRecord(msgspec.Struct, frozen=True, gc=False):
    """One record. `stream` is 1 or 2, `data` what the container wrote, its line feed included unless `partial`."""

    stream: int
    partial: bool
    data: bytes
    stamp: bytes

    @property
    def time_ns(self) -> int:
        """When the supervisor read it, Unix time in nanoseconds."""
        return parse_time(self.stamp)


def parse_record(line: bytes) -> SpoolRecord | None:
    """Return the record in `line` (without its line feed), None if it is torn."""
    parts = line.split(b" ", 3)
    if len(parts) != 4:
        return None
    stamp, name, tag, text = parts
    stream = _STREAMS.get(name)
    if stream is None or len(stamp) < 20 or stamp[4:5] != b"-":
        return None
    if tag == b"F":
        return SpoolRecord(stream, False, text + b"\n", stamp)
    return SpoolRecord(stream, True, text, stamp) if tag == b"P" else None


class _Clock:
    """Remembers the second that was parsed last: thousands of records share one."""

    prefix = b""
    zone = b""
    seconds = 0


def parse_time(stamp: bytes) -> int:
    """Return the Unix nanoseconds of an RFC 3339 time; 0 where it is none."""
    prefix, fraction, zone = stamp[:19], stamp[20:29], stamp[29:]
    if not (len(fraction) == 9 and fraction.isdigit() and stamp[19:20] == b"."):  # conmon always writes nine digits
        fraction, zone = _fraction(stamp[19:])
    if prefix != _Clock.prefix or zone != _Clock.zone:
        try:
            moment = datetime.strptime(prefix.decode(), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=_zone(zone))
        except ValueError:
            return 0
        _Clock.prefix, _Clock.zone, _Clock.seconds = prefix, zone, int(moment.timestamp())
    return _Clock.seconds * 1_000_000_000 + int(fraction)


def _fraction(rest: bytes) -> tuple[bytes, bytes]:
    """Split `.5Z` into nine digits and the zone."""
    if rest[:1] != b".":
        return b"0", rest
    zone = rest[1:].lstrip(b"0123456789")
    digits = rest[1 : len(rest) - len(zone)]
    return digits[:9].ljust(9, b"0"), zone


def _zone(text: bytes) -> timezone:
    if text in (b"Z", b""):
        return UTC
    sign = -1 if text[:1] == b"-" else 1
    hours, _, minutes = text[1:].partition(b":")
    return timezone(sign * timedelta(hours=int(hours), minutes=int(minutes or b"0")))


class Splitter:
    """Cuts a growing file's bytes into records; keeps what is not complete yet."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[SpoolRecord]:
        """Return the records that `data` completes; torn ones are left out."""
        lines = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        self._rest = lines.pop()
        return [r for r in map(parse_record, lines) if r is not None]

    def reset(self) -> None:
        """Forget an incomplete record (the file was replaced)."""
        self._rest = b""
