"""Words of a Dockerfile instruction: quoting, escapes and variables, as in a shell but without commands."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping

from pogu.errors import InvalidArgument

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#!?\-]", re.ASCII)
_DEEPEST = 50


def pairs(instruction: str, text: str) -> list[tuple[str, str]]:
    """Split `name=value name="v w" …`, or the older `name value with spaces`; quotes and variables are left in.

    Raises:
        InvalidArgument: a word is neither.
    """
    words = _raw_words(text)
    if not words:
        return []
    if "=" not in words[0]:
        parts = text.split(None, 1)
        if len(parts) < 2:
            raise InvalidArgument(f"{instruction} must have two arguments")
        return [(parts[0], parts[1])]
    for word in words:
        if "=" not in word:
            raise InvalidArgument(f'Syntax error - can\'t find = in "{word}". Must be of the form: name=value')
    return [(name, value) for name, _, value in (word.partition("=") for word in words)]


def _raw_words(text: str) -> list[str]:
    """Split at blanks outside quotes; quotes and backslashes stay."""
    words: list[str] = []
    word, quote, at = "", "", 0
    started = False
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'":
            word += text[at : at + 2] if at + 1 < len(text) else ""
            started, at = True, at + 2
            continue
        if not quote and char.isspace():
            if started:
                words.append(word)
            word, started = "", False
        else:
            if char == quote:
                quote = ""
            elif not quote and char in "'\"":
                quote = char
            word, started = word + char, True
        at += 1
    return [*words, word] if started else words


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with variables replaced and quotes and escapes taken away.

    `$name`, `${name}`, and `${name:-word}`, `${name-word}`, `:+`, `+`, `:?`, `?`, `#pattern`, `##`, `%`, `%%`.

    Raises:
        InvalidArgument: an unfinished quote or brace, an unknown form, or a variable that `?` demands.
    """
    return _Expansion(text, variables, 0).run("")


class _Expansion:
    """A cursor over one text."""

    def __init__(self, text: str, variables: Mapping[str, str], depth: int) -> None:
        if depth > _DEEPEST:
            raise InvalidArgument("variables are nested too deeply")
        self._text = text
        self._variables = variables
        self._depth = depth
        self.at = 0

    def run(self, stop: str) -> str:
        """Expand up to the character `stop` outside quotes, or to the end for ""."""
        out: list[str] = []
        while self.at < len(self._text):
            char = self._text[self.at]
            if char == stop:
                return "".join(out)
            if char == "'":
                out.append(self._single())
            elif char == '"':
                out.append(self._double())
            elif char == "$":
                out.append(self._dollar())
            elif char == "\\":
                out.append(self._text[self.at + 1 : self.at + 2])
                self.at += 2
            else:
                out.append(char)
                self.at += 1
        if stop:
            raise InvalidArgument("syntax error: missing '}'")
        return "".join(out)

    def _single(self) -> str:
        end = self._text.find("'", self.at + 1)
        if end < 0:
            raise InvalidArgument("unexpected end of statement while looking for matching single-quote")
        piece = self._text[self.at + 1 : end]
        self.at = end + 1
        return piece

    def _double(self) -> str:
        out: list[str] = []
        self.at += 1
        while self.at < len(self._text):
            char = self._text[self.at]
            if char == '"':
                self.at += 1
                return "".join(out)
            if char == "$":
                out.append(self._dollar())
                continue
            if char == "\\" and self._text[self.at + 1 : self.at + 2] in ('"', "$", "\\"):
                self.at += 1
                char = self._text[self.at]
            out.append(char)
            self.at += 1
        raise InvalidArgument("unexpected end of statement while looking for matching double-quote")

    def _dollar(self) -> str:
        self.at += 1
        if self._text[self.at : self.at + 1] == "{":
            self.at += 1
            return self._braces()
        match = _NAME.match(self._text, self.at)
        if match is None:
            return "$"
        self.at = match.end()
        return self._variables.get(match[0], "")

    def _braces(self) -> str:
        match = _NAME.match(self._text, self.at)
        if match is None:
            raise InvalidArgument("syntax error: bad substitution")
        name, self.at = match[0], match.end()
        rest = self._text[self.at :]
        operator = next((o for o in (":-", ":+", ":?", "##", "%%", "-", "+", "?", "#", "%") if rest.startswith(o)), "")
        self.at += len(operator)
        inner = _Expansion(self._text[self.at :], self._variables, self._depth + 1)
        word = inner.run("}") if operator else ""
        self.at += inner.at
        if self._text[self.at : self.at + 1] != "}":
            raise InvalidArgument("unsupported modifier" if rest else "syntax error: missing '}'")
        self.at += 1
        return _apply(name, self._variables.get(name), operator, word)


def _apply(name: str, value: str | None, operator: str, word: str) -> str:
    if operator in ("#", "##", "%", "%%"):
        return _trim(value or "", operator, word)
    missing = value is None or (operator.startswith(":") and not value)
    if operator.endswith("-"):
        return word if missing else value or ""
    if operator.endswith("+"):
        return "" if missing else word
    if operator.endswith("?") and missing:
        raise InvalidArgument(f"{name}: {word or 'not allowed to be unset'}")
    return value or ""


def _trim(value: str, operator: str, pattern: str) -> str:
    """Remove what matches at the start (`#`) or end (`%`): the shortest such part, or the longest if doubled."""
    lengths = range(len(value) + 1) if len(operator) == 1 else range(len(value), -1, -1)
    for length in lengths:
        if operator[0] == "#" and fnmatch.fnmatchcase(value[:length], pattern):
            return value[length:]
        if operator[0] == "%" and fnmatch.fnmatchcase(value[len(value) - length :], pattern):
            return value[: len(value) - length]
    return value
