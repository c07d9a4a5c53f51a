"""File modes as `--chmod` gives them: octal numbers, or chmod(1)'s symbols."""

from __future__ import annotations

import re
from collections.abc import Callable

from pogu.errors import InvalidArgument

Mode = Callable[[int, bool], int]
"""Takes the permission bits of a file, and whether it is a directory; returns those that it gets."""

_CLAUSE = re.compile(r"(?P<who>[ugoa]*)(?P<actions>([+=-]([rwxXst]*|[ugo]))+)")
_ACTION = re.compile(r"([+=-])([rwxXst]*|[ugo])")
_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": 0o7777}
_BITS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}


def parse_mode(text: str) -> Mode:
    """Return what a mode does to a file's permission bits (chmod(1), "MODES").

    Raises:
        InvalidArgument: it is none.
    """
    if re.fullmatch(r"[0-7]{1,5}", text) and int(text, 8) <= 0o7777:
        number = int(text, 8)
        return lambda old, is_dir: number
    clauses = [_CLAUSE.fullmatch(part) for part in text.split(",")]
    if not text or None in clauses:
        raise InvalidArgument(f"invalid chmod parameter: '{text}'. it should be octal string and between 0 and 07777")

    def change(old: int, is_dir: bool) -> int:
        for clause in clauses:
            assert clause is not None
            for operator, what in _ACTION.findall(clause["actions"]):
                old = _apply(old, clause["who"] or "a", operator, what, is_dir)
        return old

    return change


def _apply(old: int, who: str, operator: str, what: str, is_dir: bool) -> int:
    mask = 0
    for letter in who:
        mask |= _WHO[letter]
    bits = _copied(old, what) if what in ("u", "g", "o") and what else _named(old, what, is_dir)
    bits &= mask
    if operator == "+":
        return old | bits
    if operator == "-":
        return old & ~bits
    kept = old & 0o7000 & ~mask if not is_dir else old & 0o6000  # a directory keeps its set-ID bits
    return (old & 0o777 & ~mask) | kept | bits


def _named(old: int, what: str, is_dir: bool) -> int:
    bits = 0
    for letter in what:
        if letter == "X":
            bits |= 0o111 if is_dir or old & 0o111 else 0
        else:
            bits |= _BITS[letter]
    return bits


def _copied(old: int, who: str) -> int:
    part = (old >> {"u": 6, "g": 3, "o": 0}[who]) & 7
    return part << 6 | part << 3 | part
