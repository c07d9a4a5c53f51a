"""Patterns of paths: those of Go's `filepath.Match`, and `.dockerignore`'s, which have `**` besides.

A pattern becomes a regular expression while that is quick for every path, and an automaton (which reads each character
of a path once) when it has more wildcards than two: backtracking over many of them can take longer than a life.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import msgspec

from pogu.errors import InvalidArgument

_QUICK = 2  # wildcards of any length in a regular expression: a path's length squared at most


class Kind(enum.Enum):
    """What a part of a pattern matches."""

    ONE = "one"
    """One character."""
    STAR = "star"
    """Any characters but slashes."""
    DEEP = "deep"
    """Nothing, or anything up to and with a slash."""
    ALL = "all"
    """Anything."""


class Token(msgspec.Struct, frozen=True):
    """A part of a pattern; `expression` is it as a regular expression."""

    kind: Kind
    expression: str
    plain: bool = False
    """A character that stands for itself, not after a backslash."""


_ANY = Token(Kind.ONE, "[^/]")
_STAR = Token(Kind.STAR, "[^/]*")
_DEEP = Token(Kind.DEEP, "(?:.*/)?")
_ALL = Token(Kind.ALL, ".*")
_SLASH = Token(Kind.ONE, "/", plain=True)


@lru_cache(maxsize=512)
def path_matcher(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a whole path matches a pattern of `filepath.Match`. Raises InvalidArgument."""
    return matcher(path_tokens(pattern))


def matcher(tokens: Sequence[Token]) -> Callable[[str], bool]:
    """Return what tells whether a whole path matches."""
    if is_quick(tokens):
        expression = re.compile(expression_of(tokens), re.DOTALL)
        return lambda path: expression.fullmatch(path) is not None
    return Automaton(tokens).matches


def is_quick(tokens: Sequence[Token]) -> bool:
    """Say whether a regular expression of these is sure to be quick."""
    return sum(token.kind is not Kind.ONE for token in tokens) <= _QUICK


def expression_of(tokens: Sequence[Token]) -> str:
    return "".join(token.expression for token in tokens)


def path_tokens(pattern: str) -> list[Token]:
    """Return the parts of a pattern of `filepath.Match`. Raises InvalidArgument."""
    return [_STAR if token is None else token for token in _parts(pattern)]


def ignore_tokens(pattern: str) -> list[Token]:
    """Return the parts of a pattern of `.dockerignore`, as moby/patternmatcher takes them. Raises InvalidArgument.

    `**` at the end is everything below; before other things it is any number of directories, and if nothing but plain
    characters follow it, these end the path: `**file` matches `a/profile`, but `**/file` does not.
    """
    parts = list(_parts(pattern))
    tokens: list[Token] = []
    at = 0
    while at < len(parts):
        if parts[at : at + 2] != [None, None]:
            part = parts[at]
            tokens.append(_STAR if part is None else part)
            at += 1
            continue
        at += 2
        slash = at < len(parts) and parts[at] == _SLASH
        rest = parts[at + slash :]
        plain_end = not tokens and not slash and all(part is not None and part.plain for part in rest)
        tokens.append(_ALL if not rest or plain_end else _DEEP)
        at += slash
    return tokens


class Automaton:
    """Matches a path by keeping, as the bits of a number, the places in the pattern that it may have reached."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._ones = [
            (1 << place, re.compile(token.expression, re.DOTALL))
            for place, token in enumerate(tokens)
            if token.kind is Kind.ONE
        ]
        self._stars = _bits(tokens, Kind.STAR)
        self._stay = _bits(tokens, Kind.ALL, Kind.DEEP)
        self._deep = _bits(tokens, Kind.DEEP)
        self._optional = _bits(tokens, Kind.STAR, Kind.ALL, Kind.DEEP)
        self._end = 1 << len(tokens)
        self._advancing: dict[str, int] = {}

    def matches(self, path: str) -> bool:
        """Say whether the whole path matches."""
        return bool(self._run(path) & self._end)

    def may_continue(self, path: str) -> bool:
        """Say whether there is a path that begins so, is longer, and matches."""
        return bool(self._run(path) & ~self._end)

    def _run(self, path: str) -> int:
        places = self._entered(1)
        for character in path:
            advanced = (places & self._advance(character)) << 1
            if character == "/":
                stayed = places & self._stay
                advanced |= (places & self._deep) << 1
            else:
                stayed = places & (self._stay | self._stars)
            advanced |= (stayed & self._optional & ~self._deep) << 1
            places = stayed | self._entered(advanced)
            if not places:
                break
        return places

    def _entered(self, places: int) -> int:
        """Add the places that are reached by taking optional parts as empty."""
        added = places
        while added := (added & self._optional) << 1 & ~places:
            places |= added
        return places

    def _advance(self, character: str) -> int:
        bits = self._advancing.get(character)
        if bits is None:
            bits = sum(bit for bit, one in self._ones if one.fullmatch(character))
            self._advancing[character] = bits
        return bits


def _bits(tokens: Sequence[Token], *kinds: Kind) -> int:
    return sum(1 << place for place, token in enumerate(tokens) if token.kind in kinds)


def _parts(pattern: str) -> Iterator[Token | None]:
    """Yield the parts; None is a star."""
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            yield None
        elif character == "?":
            yield _ANY
        elif character == "[":
            token, at = _class(pattern, at)
            yield token
        elif character == "\\":
            if at == len(pattern):
                raise _malformed(pattern)
            yield Token(Kind.ONE, re.escape(pattern[at]))
            at += 1
        else:
            yield Token(Kind.ONE, re.escape(character), plain=True)


def _class(pattern: str, at: int) -> tuple[Token, int]:
    """Read `[a-z]`, `[^a]` from after its bracket. A range that runs backwards matches nothing."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[str] = []
    while not (ranges and pattern.startswith("]", at)):
        low, at = _class_end(pattern, at)
        high = low
        if pattern.startswith("-", at):
            high, at = _class_end(pattern, at + 1)
        ranges.append(f"{re.escape(low)}-{re.escape(high)}" if low <= high else "")
    inside = "".join(ranges)
    if not inside:
        return Token(Kind.ONE, "." if negated else "(?!)"), at + 1
    return Token(Kind.ONE, f"[{'^' * negated}{inside}]"), at + 1


def _class_end(pattern: str, at: int) -> tuple[str, int]:
    """Read one end of a range."""
    if pattern[at : at + 1] in ("-", "]"):
        raise _malformed(pattern)
    at += pattern.startswith("\\", at)
    if at >= len(pattern):
        raise _malformed(pattern)
    return pattern[at], at + 1


def _malformed(pattern: str) -> InvalidArgument:
    return InvalidArgument(f"syntax error in pattern: {pattern}")
