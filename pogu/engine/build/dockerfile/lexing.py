"""Reading a word character by character: quotes, escapes, and what `$` begins."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from functools import lru_cache

from pogu.engine.build.dockerfile import substitution
from pogu.engine.build.dockerfile.blanks import BLANKS
from pogu.engine.build.dockerfile.errors import DockerfileError

_DEEPEST = 40  # `${a:-${b:-…}}`: nobody writes that many, and reading them is recursive
_SPECIAL = "@*#?-$!0"  # the shell's special parameters: one character each, never set here
_BLANK_RUNS = re.compile(f"([{BLANKS}]+)")


class Quotes(enum.Enum):
    """What becomes of quotes."""

    REMOVE = "remove"
    KEEP = "keep"
    """They quote, and stay."""
    PLAIN = "plain"
    """They are characters like any other."""


class _Words:
    """Collects text and, beside it, the words that it splits into."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self._words: list[str] = []
        self._word: list[str] = []

    def add_quoted(self, text: str) -> None:
        self.text.append(text)
        if text:
            self._word.append(text)

    def add_plain(self, text: str) -> None:
        self.text.append(text)
        for number, piece in enumerate(_BLANK_RUNS.split(text)):
            if number % 2:
                self._end()
            elif piece:
                self._word.append(piece)

    def finish(self) -> tuple[str, list[str]]:
        self._end()
        return "".join(self.text), self._words

    def _end(self) -> None:
        if self._word:
            self._words.append("".join(self._word))
            self._word = []


class Lexer:
    """Reads one word. `used` and `unset` are the variables that it asked for."""

    def __init__(self, source: str, env: Mapping[str, str], escape: str, quotes: Quotes, keep_unset: bool) -> None:
        self.used: set[str] = set()
        self.unset: set[str] = set()
        self._source = source
        self._at = 0
        self._env = env
        self._escape = escape
        self._quotes = quotes
        self._keep_unset = keep_unset
        self._keep_escapes = False
        self._depth = 0

    def read(self, stop: str, keep_escapes: bool) -> tuple[str, list[str]]:
        """Read up to the character `stop` (empty: to the end), and over it."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise DockerfileError("syntax error: substitutions are nested too deeply")
        before, self._keep_escapes = self._keep_escapes, keep_escapes
        plain = _plain(self._escape, stop)
        words = _Words()
        while (character := self._peek()) and character != stop:
            if (run := plain.match(self._source, self._at)) is not None:
                self._at = run.end()
                words.add_plain(run[0])
            else:
                self._special(character, words)
        if stop and not self._next():
            raise DockerfileError(f"unexpected end of statement while looking for matching {stop}")
        self._keep_escapes = before
        self._depth -= 1
        return words.finish()

    def _special(self, character: str, words: _Words) -> None:
        if character == "$":
            words.add_plain(self._dollar())
        elif character == "<":
            self._less_than(words)
        elif character == self._escape:
            self._escaped(words)
        elif self._quotes is Quotes.PLAIN:
            words.add_plain(self._next())
        elif character == "'":
            words.add_quoted(self._single_quoted())
        else:
            words.add_quoted(self._double_quoted())

    def _escaped(self, words: _Words) -> None:
        """An escape character is dropped at the very end, and makes any other character part of the word."""
        escape = self._next()
        words.add_quoted((escape if self._keep_escapes else "") + self._next())

    def _less_than(self, words: _Words) -> None:
        """Blanks between `<<` and a heredoc's name do not split: `cat << EOF` has two words."""
        start = self._at
        self._at += 1
        if self._peek() == "<":
            self._at += 1
            while self._peek() and self._peek() in "\t\r ":
                self._at += 1
        words.add_quoted(self._source[start : self._at])

    def _single_quoted(self) -> str:
        end = self._source.find("'", self._at + 1)
        if end < 0:
            self._at = len(self._source)
            raise DockerfileError("unexpected end of statement while looking for matching single-quote")
        start, self._at = self._at, end + 1
        return self._source[start : end + 1] if self._quotes is Quotes.KEEP else self._source[start + 1 : end]

    def _double_quoted(self) -> str:
        quote = self._next()
        parts = [quote] if self._quotes is Quotes.KEEP else []
        while (character := self._peek()) != '"':
            if not character:
                raise DockerfileError("unexpected end of statement while looking for matching double-quote")
            if character == "$":
                parts.append(self._dollar())
            elif character == self._escape:
                parts.append(self._escaped_in_double_quotes())
            else:
                run = _in_double_quotes(self._escape).match(self._source, self._at)
                assert run is not None
                self._at = run.end()
                parts.append(run[0])
        self._at += 1
        if self._quotes is Quotes.KEEP:
            parts.append('"')
        return "".join(parts)

    def _escaped_in_double_quotes(self) -> str:
        """Within double quotes only `"`, `$` and the escape character itself can be escaped."""
        escape = self._next()
        kept = escape if self._keep_escapes else ""
        if not self._peek():
            return kept
        return kept + (self._next() if self._peek() in ('"', "$", escape) else escape)

    def _dollar(self) -> str:
        self._at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self._value(name)
            return value if value is not None else f"${name}" if self._keep_unset else ""
        self._at += 1
        if not self._peek():
            raise DockerfileError("syntax error: missing '}'")
        if self._peek() in "{}:":
            raise DockerfileError("syntax error: bad substitution")
        return self._substitution(self._name())

    def _substitution(self, name: str) -> str:
        modifier = self._next()
        if modifier == "}":
            value = self._value(name)
            return value if value is not None else f"${{{name}}}" if self._keep_unset else ""
        if modifier == "/":
            return self._replacement(name)
        if modifier == ":":
            modifier += self._next()
        if not modifier or modifier == ":":
            raise DockerfileError("syntax error: missing '}'")
        if modifier[0] != ":" and modifier not in "+-?#%":
            raise DockerfileError(f"unsupported modifier ({modifier}) in substitution")
        pattern = modifier in ("#", "%")
        if not pattern and modifier[-1] in "#%":
            raise DockerfileError(f"unsupported modifier ({modifier}) in substitution")
        word = self._operand("}", pattern, "'}'")
        value = self._value(name)
        if value is None and self._keep_unset:
            return f"${{{name}{modifier}{word}}}"
        return _modified(name, modifier, word, value)

    def _replacement(self, name: str) -> str:
        every = self._peek() == "/"
        self._at += every
        pattern = self._operand("/", True, "'/' in ${}")
        replacement = self._operand("}", True, "'}'")
        value = self._value(name)
        if value is None and self._keep_unset:
            return f"${{{name}/{'/' * every}{pattern}/{replacement}}}"
        return substitution.replaced(pattern, value or "", replacement, every)

    def _operand(self, stop: str, keep_escapes: bool, missing: str) -> str:
        try:
            return self.read(stop, keep_escapes)[0]
        except DockerfileError:
            if self._peek():
                raise
            raise DockerfileError(f"syntax error: missing {missing}") from None

    def _name(self) -> str:
        """Read a name: letters, digits and `_`; or digits alone; or one special character."""
        start = self._at
        first = self._peek()
        if first and first in _SPECIAL and not first.isdecimal():
            self._at += 1
            return first
        digits = first.isdecimal()
        while (c := self._peek()) and (c.isdecimal() if digits else c.isalpha() or c.isdecimal() or c == "_"):
            self._at += 1
        return self._source[start : self._at]

    def _value(self, name: str) -> str | None:
        value = self._env.get(name)
        (self.unset if value is None else self.used).add(name)
        return value

    def _peek(self) -> str:
        return self._source[self._at] if self._at < len(self._source) else ""

    def _next(self) -> str:
        character = self._peek()
        self._at += len(character)
        return character


def _modified(name: str, modifier: str, word: str, value: str | None) -> str:
    missing = value is None or (modifier[0] == ":" and not value)
    match modifier[-1]:
        case "-":
            return word if missing else value or ""
        case "+":
            return "" if missing else word
        case "?":
            if missing:
                default = "is not allowed to be unset" if value is None else "is not allowed to be empty"
                raise DockerfileError(f"{name}: {word or default}")
            return value or ""
        case "#" | "%" as side:
            longest = word.startswith(side)
            remove = substitution.without_prefix if side == "#" else substitution.without_suffix
            return remove(word[longest:], value or "", longest)
    raise DockerfileError(f"unsupported modifier ({modifier}) in substitution")


@lru_cache(maxsize=32)
def _plain(escape: str, stop: str) -> re.Pattern[str]:
    """Matches characters that mean nothing special."""
    return re.compile(f"""[^$<'"{re.escape(escape + stop)}]+""")


@lru_cache(maxsize=8)
def _in_double_quotes(escape: str) -> re.Pattern[str]:
    return re.compile(f'[^$"{re.escape(escape)}]+')
