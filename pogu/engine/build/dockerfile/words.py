"""How the words of an instruction are told apart before variables are expanded: each kind has its own way."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import msgspec

from pogu.engine.build.dockerfile.blanks import BLANKS, SEPARATOR
from pogu.engine.build.dockerfile.errors import DockerfileError, quoted
from pogu.engine.build.dockerfile.instructions import Pair


def split_flags(text: str, escape: str) -> tuple[tuple[str, ...], str]:
    """Return the words at the beginning that start with `--`, quotes and escapes removed, and the rest.

    A `--` alone ends them.
    """
    flags: list[str] = []
    tokens = _flag_tokens(escape)
    at = 0
    while True:
        while at < len(text) and text[at] in BLANKS:
            at += 1
        if not text.startswith("--", at):
            return tuple(flags), text[at:]
        word: list[str] = []
        while at < len(text) and text[at] not in BLANKS:
            token = tokens.match(text, at)
            assert token is not None
            at = token.end()
            word.append(_unquoted(token, escape))
        if (flag := "".join(word)) == "--":
            return tuple(flags), text[at:]
        flags.append(flag)


def split_quoted(text: str, escape: str) -> list[str]:
    """Return the words; blanks within quotes or after an escape character do not split. Quotes and escapes stay."""
    words: list[str] = []
    word = ""
    for token in _word_tokens(escape).finditer(text):
        if token["blank"] is not None:
            words += [word] if word else []
            word = ""
        elif token["end"] is None:  # an escape character at the very end is dropped
            word += token[0]
    return [*words, word] if word else words


def split_blank(text: str) -> tuple[str, ...]:
    """Return the words between blanks; quotes have no meaning."""
    return tuple(SEPARATOR.split(text)) if text else ()


def json_words(text: str) -> tuple[str, ...] | None:
    """Return the words of an array of strings in JSON; None if the text is no JSON array. Raises DockerfileError."""
    text = text.lstrip(BLANKS)
    if not text.startswith("["):
        return None
    try:
        values: list[Any] = msgspec.json.decode(text, type=list[Any])
    except RecursionError:
        raise DockerfileError(_STRINGS_ONLY) from None
    except msgspec.DecodeError:
        return None
    if not all(isinstance(value, str) for value in values):
        raise DockerfileError(_STRINGS_ONLY)
    return tuple(values)


_STRINGS_ONLY = "when using JSON array syntax, arrays must be comprised of strings only"


def pairs(text: str, keyword: str, escape: str) -> tuple[Pair, ...]:
    """Return what ENV and LABEL set: `name=value …`, or a name and, after a blank, everything else as its value."""
    words = split_quoted(text, escape)
    if words and "=" not in words[0]:
        name, *value = SEPARATOR.split(text, 1)
        if not value:
            raise DockerfileError(f"{keyword} must have two arguments")
        return (Pair(name, value[0], legacy=True),)
    found: list[Pair] = []
    for word in words:
        name, equals, assigned = word.partition("=")
        if not equals:
            raise DockerfileError(f"Syntax error - can't find = in {quoted(word)}. Must be of the form: name=value")
        found.append(Pair(name, assigned))
    return tuple(found)


@lru_cache(maxsize=8)
def _flag_tokens(escape: str) -> re.Pattern[str]:
    """Quantifiers are possessive (`*+`) here: a quote that nothing closes costs no second look at what is in it."""
    e = re.escape(escape)
    return re.compile(
        rf"""(?P<quote>['"])(?P<body>(?:(?!(?P=quote))[^{e}]|{e}.)*+)(?P=quote)?|"""
        rf"""(?P<escaped>{e}(?:.|\Z))|[^{BLANKS}'"{e}]++""",
        re.DOTALL,
    )


def _unquoted(token: re.Match[str], escape: str) -> str:
    if token["quote"] is not None:
        return re.sub(rf"{re.escape(escape)}(.)", r"\1", token["body"], flags=re.DOTALL)
    return token[0][1:] if token["escaped"] is not None else token[0]


@lru_cache(maxsize=8)
def _word_tokens(escape: str) -> re.Pattern[str]:
    e = re.escape(escape)
    return re.compile(
        rf"""(?P<blank>[{BLANKS}]++)|(?P<end>{e}\Z)|'[^']*+'?|"(?:[^"{e}]++|{e}.)*+"?|{e}.|[^{BLANKS}'"{e}]++""",
        re.DOTALL,
    )
