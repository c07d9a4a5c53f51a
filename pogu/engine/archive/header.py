"""One 512-byte tar header and the extended headers around it, both ways; no I/O.

Formats: POSIX.1-2017 `pax` (ustar and extended headers), and what GNU tar writes (its manual, "Basic Tar Format"):
base-256 numbers, long names, sparse files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from pogu.errors import InvalidArgument

BLOCK = 512
XATTR = "SCHILY.xattr."  # the PAX key under which star, GNU tar and Go keep extended attributes
REGULAR, HARDLINK, SYMLINK, CHAR, BLOCK_DEVICE, DIRECTORY, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
CONTIGUOUS, SPARSE = b"7", b"S"
PAX, PAX_GLOBAL, GNU_NAME, GNU_LINK, GNU_VOLUME = b"x", b"g", b"L", b"K", b"V"
_OLD_REGULAR = b"\0"
_HEADER_ONLY = (HARDLINK, SYMLINK, CHAR, BLOCK_DEVICE, DIRECTORY, FIFO)
_MAX_SIZE = (1 << 63) - 1
_MAX_ID = (1 << 32) - 2  # (uid_t)-1 means "leave it" to chown(2)


@dataclass(slots=True)
class Entry:
    """One member of an archive. Names are decoded as file names are (`os.fsdecode`); times are ns since the epoch.

    `size` is the file's length and `stored` the bytes the archive holds for it; they differ for sparse files, whose
    `extents` (offset, length) say where those bytes belong.
    """

    name: str
    type: bytes = REGULAR
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime_ns: int = 0
    atime_ns: int | None = None
    link: str = ""
    major: int = 0
    minor: int = 0
    xattrs: dict[str, bytes] = field(default_factory=dict)
    stored: int = 0
    extents: list[tuple[int, int]] | None = None

    @property
    def is_file(self) -> bool:
        return self.type == REGULAR

    @property
    def is_dir(self) -> bool:
        return self.type == DIRECTORY


def padding(size: int) -> int:
    """Return how many bytes follow `size` bytes of content up to the next block."""
    return -size % BLOCK


def parse(block: bytes, pax: dict[str, bytes]) -> Entry:
    """Return what a header says, PAX records (`key -> value`) overriding it.

    Raises:
        InvalidArgument: wrong checksum, or a field that cannot be.
    """
    if parse_number(block[148:156]) not in _checksums(block):
        raise InvalidArgument("invalid tar header: wrong checksum")
    entry = Entry(
        name=_text(block[0:100]),
        type=block[156:157],
        mode=parse_number(block[100:108]),
        uid=parse_number(block[108:116]),
        gid=parse_number(block[116:124]),
        size=parse_number(block[124:136]),
        mtime_ns=parse_number(block[136:148]) * 10**9,
        link=_text(block[157:257]),
    )
    if block[257:262] == b"ustar":
        entry.major, entry.minor = parse_number(block[329:337]), parse_number(block[337:345])
        if block[262:263] == b"\0" and block[345]:  # in GNU's form the prefix field holds other things
            entry.name = f"{_text(block[345:500])}/{entry.name}"
    if pax:
        _apply_pax(entry, pax)
    return _checked(_normalised(entry))


def _normalised(entry: Entry) -> Entry:
    if entry.type == _OLD_REGULAR:
        entry.type = DIRECTORY if entry.name.endswith("/") else REGULAR
    elif entry.type == CONTIGUOUS:
        entry.type = REGULAR
    entry.stored = 0 if entry.type in _HEADER_ONLY else entry.size
    if entry.type in _HEADER_ONLY:
        entry.size = 0
    return entry


def _checked(entry: Entry) -> Entry:
    if not 0 <= entry.size <= _MAX_SIZE:
        raise InvalidArgument(f"invalid tar header: size {entry.size}")
    if not (0 <= entry.uid <= _MAX_ID and 0 <= entry.gid <= _MAX_ID):
        raise InvalidArgument(f"invalid tar header: owner {entry.uid}:{entry.gid} of {entry.name}")
    if not (0 <= entry.major < 1 << 32 and 0 <= entry.minor < 1 << 32):
        raise InvalidArgument(f"invalid tar header: device {entry.major}:{entry.minor} of {entry.name}")
    if "\0" in entry.name or "\0" in entry.link:
        raise InvalidArgument("invalid tar header: NUL in a name")
    return entry


def _checksums(block: bytes) -> tuple[int, int]:
    """The sum as POSIX has it and as old Sun tar has it (signed bytes); the checksum field counts as blanks."""
    unsigned = sum(block) - sum(block[148:156]) + 8 * 32
    if block.isascii():
        return unsigned, unsigned
    high = sum(b > 127 for b in block[:148]) + sum(b > 127 for b in block[156:])
    return unsigned, unsigned - 256 * high


def parse_number(raw: bytes) -> int:
    """Return a numeric field: octal text, or base-256 where the first bit is set (GNU; two's complement).

    Raises:
        InvalidArgument: neither.
    """
    if raw[0] & 0x80:
        value = int.from_bytes(raw, "big") & ((1 << (len(raw) * 8 - 1)) - 1)
        return value - (1 << (len(raw) * 8 - 1)) if raw[0] & 0x40 else value
    text = raw.strip(b" \0").partition(b"\0")[0]
    if not text:
        return 0
    try:
        if not text.isdigit():
            raise ValueError
        return int(text, 8)
    except ValueError:
        raise InvalidArgument(f"invalid tar header: {text!r} is not an octal number") from None


def _text(raw: bytes) -> str:
    return os.fsdecode(raw.partition(b"\0")[0])


def parse_pax(data: bytes) -> list[tuple[str, bytes]]:
    """Return the records of an extended header, in order; keys may repeat (sparse maps, version 0.0).

    Raises:
        InvalidArgument: a record's length does not fit.
    """
    records = []
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 20)
        digits = data[at:space] if space > 0 else b""
        if not digits.isdigit():
            if not data[at:].strip(b"\0"):
                break
            raise InvalidArgument("invalid tar header: malformed extended header")
        end = at + int(digits)
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if end > len(data) or data[end - 1 : end] != b"\n" or not equals or not key:
            raise InvalidArgument("invalid tar header: malformed extended header")
        records.append((os.fsdecode(key), value))
        at = end
    return records


def _apply_pax(entry: Entry, pax: dict[str, bytes]) -> None:
    for key, value in pax.items():
        if not value and not key.startswith(XATTR):
            continue  # an empty value takes back what an earlier header said
        if key == "path":
            entry.name = os.fsdecode(value)
        elif key == "linkpath":
            entry.link = os.fsdecode(value)
        elif key in ("size", "uid", "gid"):
            setattr(entry, key, parse_decimal(value))
        elif key == "mtime":
            entry.mtime_ns = _parse_time(value)
        elif key == "atime":
            entry.atime_ns = _parse_time(value)
        elif key.startswith(XATTR):
            entry.xattrs[key[len(XATTR) :]] = value


def parse_decimal(value: bytes) -> int:
    """Return a decimal number of a PAX record. Raises InvalidArgument."""
    if not value.isdigit() or len(value) > 19:
        raise InvalidArgument(f"invalid tar header: {value[:40]!r} is not a number")
    return int(value)


def _parse_time(value: bytes) -> int:
    """Nanoseconds of `[-]seconds[.fraction]`."""
    whole, _, fraction = value.partition(b".")
    seconds = parse_decimal(whole.removeprefix(b"-"))
    nanos = parse_decimal((fraction + b"0" * 9)[:9]) if fraction else 0
    total = seconds * 10**9 + nanos
    return -total if value.startswith(b"-") else total


def build(entry: Entry) -> bytes:
    """Return the header of `entry`, with an extended header before it where ustar cannot hold a value.

    `size` bytes of content (and `padding`) must follow a regular file's. A time with a fraction of a second needs an
    extended header; pass whole seconds where that is not wanted.
    """
    pax = {XATTR + name: value for name, value in entry.xattrs.items()}
    name, link = os.fsencode(entry.name), os.fsencode(entry.link)
    prefix, short = _split_name(name)
    if short is None or not name.isascii():
        pax["path"] = name
        prefix, short = b"", _cut(name)
    if len(link) > 100 or not link.isascii():
        pax["linkpath"] = link
    for key, value, limit in (
        ("uid", entry.uid, 1 << 21),
        ("gid", entry.gid, 1 << 21),
        ("size", _written_size(entry), 1 << 33),
    ):
        if value >= limit:
            pax[key] = b"%d" % value
    seconds, nanos = divmod(entry.mtime_ns, 10**9)
    if nanos or not 0 <= seconds < 1 << 33:
        pax["mtime"] = _format_time(entry.mtime_ns)
    block = _block(entry, short, _cut(link), prefix)
    return _extended(entry, pax) + block if pax else block


def _cut(name: bytes) -> bytes:
    """What old readers see of a name that only the extended header holds whole."""
    return bytes(b if b < 128 else 0x5F for b in name[:100])


def _split_name(name: bytes) -> tuple[bytes, bytes | None]:
    """Divide a name between ustar's prefix (155 bytes) and name (100); (b"", None) if it does not fit."""
    if len(name) <= 100:
        return b"", name
    at = name.find(b"/", len(name) - 101)
    if 0 < at <= 155 and at < len(name) - 1:
        return name[:at], name[at + 1 :]
    return b"", None


def _format_time(ns: int) -> bytes:
    seconds, nanos = divmod(abs(ns), 10**9)
    text = f"{seconds}.{nanos:09}".rstrip("0").rstrip(".") if nanos else str(seconds)
    return f"{'-' if ns < 0 else ''}{text}".encode()


def _extended(entry: Entry, pax: dict[str, bytes]) -> bytes:
    body = b"".join(_record(os.fsencode(key), value) for key, value in sorted(pax.items()))
    name = b"PaxHeaders/" + _cut(os.fsencode(entry.name).rpartition(b"/")[2])[:80]
    return _block(Entry("", type=PAX, size=len(body)), name, b"", b"") + body + bytes(padding(len(body)))


def _record(key: bytes, value: bytes) -> bytes:
    """One PAX record; its length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    if len(str(length)) > len(str(rest)):
        length += 1
    return b"%d %s=%s\n" % (length, key, value)


def _written_size(entry: Entry) -> int:
    """How many bytes follow the header; sparse files are written out whole."""
    return 0 if entry.type in _HEADER_ONLY else entry.size


def _block(entry: Entry, name: bytes, link: bytes, prefix: bytes) -> bytes:
    seconds = entry.mtime_ns // 10**9
    size = _written_size(entry)
    fields = (
        name.ljust(100, b"\0"),
        b"%07o\0" % (entry.mode & 0o7777),
        b"%07o\0" % (entry.uid if entry.uid < 1 << 21 else 0),
        b"%07o\0" % (entry.gid if entry.gid < 1 << 21 else 0),
        b"%011o\0" % (size if size < 1 << 33 else 0),
        b"%011o\0" % (seconds if 0 <= seconds < 1 << 33 else 0),
        b"        ",
        entry.type,
        link[:100].ljust(100, b"\0"),
        b"ustar\x0000",
        bytes(64),
        b"%07o\0" % entry.major,
        b"%07o\0" % entry.minor,
        prefix.ljust(155, b"\0"),
        bytes(12),
    )
    block = b"".join(fields)
    return b"%s%06o\0 %s" % (block[:148], sum(block), block[156:])
