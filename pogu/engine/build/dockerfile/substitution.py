"""Patterns of a shell within `${…}`: `#`, `##`, `%`, `%%`, `/` and `//`.

`*` is any text and `?` any character, both without line feeds; a backslash makes them literal. Time grows with the
product of the two lengths at most: a search that fails in a line is not tried again from further right in it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pogu.engine.build.dockerfile.errors import DockerfileError

_ANY, _STAR = "?", "*"
_Token = tuple[str, str]  # kind (a wildcard, or empty for a character that stands for itself), character


class ShellPattern:
    """A pattern, cut at its stars into pieces of fixed length."""

    def __init__(self, tokens: list[_Token]) -> None:
        pieces: list[list[_Token]] = [[]]
        for token in tokens:
            if token[0] == _STAR:
                pieces.append([])
            else:
                pieces[-1].append(token)
        self._pieces = [re.compile("".join("." if k == _ANY else re.escape(c) for k, c in piece)) for piece in pieces]
        self._lengths = [len(piece) for piece in pieces]

    def match(self, text: str, start: int, longest: bool) -> int | None:
        """Return where the longest or shortest match that begins at `start` ends."""
        found = self._pieces[0].match(text, start)
        return None if found is None else self._rest(text, found.end(), longest)

    def search(self, text: str, start: int) -> tuple[int, int] | None:
        """Return the leftmost longest match from `start` on."""
        while start <= len(text) and (found := self._pieces[0].search(text, start)) is not None:
            end = self._rest(text, found.end(), longest=True)
            if end is not None:
                return found.start(), end
            beyond = _line_end(text, found.end()) + 1 - self._lengths[0]
            start = max(found.start() + 1, beyond)
        return None

    def _rest(self, text: str, at: int, longest: bool) -> int | None:
        """Return where a match ends whose first piece ended at `at`: the others as early as can be."""
        last = len(self._pieces) - 1
        for number in range(1, last + 1):
            if number == last and longest:
                return self._rightmost(text, at)
            room = min(len(text), _line_end(text, at) + self._lengths[number])
            found = self._pieces[number].search(text, at, room)
            if found is None:
                return None
            at = found.end()
        return at

    def _rightmost(self, text: str, at: int) -> int | None:
        piece, length = self._pieces[-1], self._lengths[-1]
        end = _line_end(text, at)
        if not length:
            return end
        for start in range(min(end, len(text) - length), at - 1, -1):
            if piece.match(text, start):
                return start + length
        return None


def without_prefix(pattern: str, value: str, longest: bool) -> str:
    """Return the value without the part of its beginning that matches."""
    end = _compiled(pattern, backwards=False).match(value, 0, longest)
    return value if end is None else value[end:]


def without_suffix(pattern: str, value: str, longest: bool) -> str:
    """Return the value without the part of its end that matches."""
    end = _compiled(pattern, backwards=True).match(value[::-1], 0, longest)
    return value if end is None else value[: len(value) - end]


def replaced(pattern: str, value: str, replacement: str, every: bool) -> str:
    """Return the value with the first match, or every one, replaced."""
    compiled = _compiled(pattern, backwards=False)
    parts: list[str] = []
    done = start = 0
    while start <= len(value) and (found := compiled.search(value, start)) is not None:
        first, end = found
        if end > done or first == 0:  # an empty match right after another is none
            parts += (value[done:first], replacement)
            done = end
        if not every:
            break
        start = max(end, start + 1) if end == first else end
    return "".join(parts) + value[done:]


@lru_cache(maxsize=256)
def _compiled(pattern: str, *, backwards: bool) -> ShellPattern:
    tokens = _tokens(pattern)
    return ShellPattern(tokens[::-1] if backwards else tokens)


def _tokens(pattern: str) -> list[_Token]:
    tokens: list[_Token] = []
    characters = iter(pattern)
    for character in characters:
        if character in (_STAR, _ANY):
            tokens.append((character, character))
            continue
        if character == "\\":
            tokens.append(("", _escaped(next(characters, "\ufffd"), pattern)))
        else:
            tokens.append(("", character))
    return tokens


def _escaped(character: str, pattern: str) -> str:
    if character not in "*?\\}/":  # the last two had to be escaped inside of `${…}`
        raise DockerfileError(f"invalid pattern ({pattern}) in substitution: invalid escape '\\{character}'")
    return character


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
