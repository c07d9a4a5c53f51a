"""Where the bytes of a sparse file belong: GNU tar's four ways to say it ("Storing Sparse Files" in its manual).

Maps are lists of (offset, length). A map must ascend, stay within the file and hold exactly the stored bytes.
"""

from __future__ import annotations

from collections.abc import Callable

from pogu.engine.archive.header import BLOCK, Entry, parse_decimal, parse_number
from pogu.errors import InvalidArgument

Extents = list[tuple[int, int]]
_MAX_EXTENTS = 1 << 20


def apply_old(entry: Entry, block: bytes, read_block: Callable[[], bytes]) -> None:
    """Read the map of an old GNU sparse header (type `S`), which may continue in blocks of its own."""
    extents = _old_extents(block[386:482])
    more = block[482]
    while more:
        extra = read_block()
        extents += _old_extents(extra[:504])
        more = extra[504]
        if len(extents) > _MAX_EXTENTS:
            raise InvalidArgument(f"invalid tar header: sparse map of {entry.name} is too long")
    entry.size = parse_number(block[483:495])
    entry.extents = _checked(entry, extents)


def _old_extents(raw: bytes) -> Extents:
    extents = []
    for at in range(0, len(raw), 24):
        if raw[at] == 0:
            break
        extents.append((parse_number(raw[at : at + 12]), parse_number(raw[at + 12 : at + 24])))
    return extents


def apply_pax(entry: Entry, records: list[tuple[str, bytes]], read_block: Callable[[], bytes]) -> None:
    """Apply the `GNU.sparse.*` records (versions 0.0, 0.1 and 1.0), if there are any."""
    pax = dict(records)
    if pax.get("GNU.sparse.major") == b"1":
        if pax.get("GNU.sparse.minor") != b"0":
            raise InvalidArgument(f"invalid tar header: unknown sparse format of {entry.name}")
        size = pax.get("GNU.sparse.realsize", b"")
        extents = _leading_map(entry, read_block)
    elif "GNU.sparse.map" in pax:
        size = pax.get("GNU.sparse.size", b"")
        numbers = [parse_decimal(n) for n in pax["GNU.sparse.map"].split(b",")]
        extents = _pairs(entry, numbers)
    elif "GNU.sparse.numblocks" in pax:
        size = pax.get("GNU.sparse.size", b"")
        numbers = [parse_decimal(v) for k, v in records if k in ("GNU.sparse.offset", "GNU.sparse.numbytes")]
        extents = _pairs(entry, numbers)
    else:
        return
    if "GNU.sparse.name" in pax:
        entry.name = pax["GNU.sparse.name"].decode("utf-8", "surrogateescape")
    entry.size = parse_decimal(size)
    entry.extents = _checked(entry, extents)


def _leading_map(entry: Entry, read_block: Callable[[], bytes]) -> Extents:
    """Version 1.0: decimal lines before the content, padded to a block; they count as stored bytes."""
    numbers: list[int] = []
    text = b""
    wanted = 1
    while len(numbers) < wanted:
        if entry.stored < BLOCK:
            raise InvalidArgument(f"invalid tar header: sparse map of {entry.name} is cut off")
        entry.stored -= BLOCK
        text += read_block()
        *lines, text = text.split(b"\n")
        numbers += [parse_decimal(line) for line in lines[: wanted - len(numbers)]]
        if wanted == 1 and numbers:
            if numbers[0] > _MAX_EXTENTS:
                raise InvalidArgument(f"invalid tar header: sparse map of {entry.name} is too long")
            wanted += 2 * numbers[0]
            numbers += [parse_decimal(line) for line in lines[1:wanted]]
    return _pairs(entry, numbers[1:wanted])


def _pairs(entry: Entry, numbers: list[int]) -> Extents:
    if len(numbers) % 2:
        raise InvalidArgument(f"invalid tar header: sparse map of {entry.name}")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _checked(entry: Entry, extents: Extents) -> Extents:
    at = 0
    for offset, length in extents:
        if offset < at or length < 0 or offset + length > entry.size:
            raise InvalidArgument(f"invalid tar header: sparse map of {entry.name}")
        at = offset + length
    if sum(length for _, length in extents) != entry.stored or not 0 <= entry.size < 1 << 63:
        raise InvalidArgument(f"invalid tar header: sparse map of {entry.name}")
    return extents
