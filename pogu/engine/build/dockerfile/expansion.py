"""Variables and quotes in the words of a Dockerfile, as the `docker/dockerfile:1` front end takes them.

The rules are a shell's, with these limits: no arithmetic, no commands, no splitting at IFS, `'`, `"` and the escape
character quote. See https://docs.docker.com/reference/dockerfile/#environment-replacement.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pogu.engine.build.dockerfile.errors import DockerfileError, quoted
from pogu.engine.build.dockerfile.lexing import Lexer, Quotes


class Expansion(msgspec.Struct, frozen=True):
    """What a word became."""

    text: str
    words: tuple[str, ...]
    """The same, split at blanks that were not quoted; blanks in a variable's value split too."""
    used: frozenset[str]
    """Variables that were asked for and are set."""
    unset: frozenset[str]
    """Variables that were asked for and are not set."""


def expand(word: str, env: Mapping[str, str], escape: str = "\\") -> str:
    """Return the word with variables replaced and quotes removed. Raises DockerfileError."""
    return expansion(word, env, escape).text


def expand_words(word: str, env: Mapping[str, str], escape: str = "\\") -> list[str]:
    """Return the words that a word becomes when blanks split it after expansion. Raises DockerfileError."""
    return list(expansion(word, env, escape).words)


def expand_heredoc(text: str, env: Mapping[str, str]) -> str:
    """Return the text of a heredoc with variables replaced; quotes stay, and only a backslash escapes."""
    return expansion(text, env, quotes=Quotes.PLAIN).text


def expansion(
    word: str,
    env: Mapping[str, str],
    escape: str = "\\",
    *,
    quotes: Quotes = Quotes.REMOVE,
    keep_escapes: bool = False,
    keep_unset: bool = False,
) -> Expansion:
    """Expand a word and tell which variables it asked for.

    Args:
        escape: the character that takes the meaning of the next.
        keep_escapes: leave escape characters in place.
        keep_unset: leave variables that are not set as they are written.

    Raises:
        DockerfileError: bad substitution, a quote without its other half, a variable that must be set (`${v:?}`).
    """
    lexer = Lexer(word, env, escape, quotes, keep_unset)
    try:
        text, words = lexer.read("", keep_escapes)
    except DockerfileError as e:
        raise DockerfileError(f"failed to process {quoted(word)}: {e.message}") from None
    return Expansion(text, tuple(words), frozenset(lexer.used), frozenset(lexer.unset))
