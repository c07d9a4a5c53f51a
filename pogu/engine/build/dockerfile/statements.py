"""The lines of a Dockerfile, put together to statements: a keyword and its words, before they mean anything."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pogu.engine.build.dockerfile import words
from pogu.engine.build.dockerfile.blanks import BLANKS, SEPARATOR
from pogu.engine.build.dockerfile.directives import DirectiveReader
from pogu.engine.build.dockerfile.errors import DockerfileError
from pogu.engine.build.dockerfile.heredocs import heredocs_of
from pogu.engine.build.dockerfile.instructions import Heredoc, Pair

_WITH_HEREDOCS = ("ADD", "COPY", "RUN")


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """An instruction, taken apart as its keyword asks for."""

    keyword: str
    text: str
    flags: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    json: bool = False
    """The arguments were an array in JSON."""
    pairs: tuple[Pair, ...] = ()
    """Of ENV and LABEL."""
    inner: Statement | None = None
    """Of ONBUILD."""
    heredocs: tuple[Heredoc, ...] = ()
    comments: tuple[str, ...] = ()
    first_line: int = 0
    last_line: int = 0

    @property
    def name(self) -> str:
        return self.keyword.upper()


def split_statement(line: str, escape: str) -> Statement:
    """Take a joined line apart. An unknown keyword is not an error here. Raises DockerfileError."""
    text = line.strip(BLANKS)
    keyword, *after = SEPARATOR.split(text, 1)
    flags, rest = words.split_flags(after[0], escape) if after else ((), "")
    rest = rest.strip(BLANKS)
    plain = Statement(keyword=keyword, text=text, flags=flags)
    match keyword.upper():
        case "ENV" | "LABEL" as name:
            return msgspec.structs.replace(plain, pairs=words.pairs(rest, name, escape))
        case "ARG":
            return msgspec.structs.replace(plain, arguments=tuple(words.split_quoted(rest, escape)))
        case "FROM" | "EXPOSE":
            return msgspec.structs.replace(plain, arguments=words.split_blank(rest))
        case "MAINTAINER" | "STOPSIGNAL" | "USER" | "WORKDIR":
            return msgspec.structs.replace(plain, arguments=(rest,) if rest else ())
        case "CMD" | "ENTRYPOINT" | "RUN" | "SHELL":
            return _command(plain, (), rest)
        case "ADD" | "COPY" | "VOLUME":
            array = words.json_words(rest)
            arguments = words.split_blank(rest) if array is None else array
            return msgspec.structs.replace(plain, arguments=arguments, json=array is not None)
        case "HEALTHCHECK" if rest:
            kind = _first_word(rest)
            return _command(plain, (kind,), rest[len(kind) :].lstrip(BLANKS))
        case "ONBUILD" if rest:
            return msgspec.structs.replace(plain, inner=split_statement(rest, escape))
    return plain


class StatementReader:
    """Reads the statements of a file, and on the way its directives and what is odd about it."""

    def __init__(self, lines: list[str]) -> None:
        self.escape = "\\"
        self.empty_continuations: list[tuple[str, int]] = []
        """The statement's text and its last line, where empty lines continue it."""
        self._lines = lines
        self._next = 0
        self._directives = DirectiveReader()
        self._comments: list[str] = []

    def statements(self) -> Iterator[Statement]:
        """Yield all. Raises DockerfileError, with lines."""
        while self._next < len(self._lines):
            first = self._next + 1
            try:
                line = self._joined()
                statement = split_statement(line, self.escape) if line else None
                if statement is not None:
                    statement = self._with_heredocs(statement, line)
            except DockerfileError as e:
                raise e.at(first, self._next) from None
            if statement is not None:
                yield msgspec.structs.replace(
                    statement, first_line=first, last_line=self._next, comments=tuple(self._comments)
                )
                self._comments = []

    def _joined(self) -> str:
        """Return the next line with those that continue it; empty for a comment, a directive or an empty line."""
        line = self._take().lstrip(BLANKS)
        if line.startswith("#"):
            self._comment(line)
            return ""
        self._directives.read(line)
        if not line:
            self._comments = []  # what an empty line is between does not belong together
        text, more = self._continued(line)
        if not more:
            return text
        parts, empty = [text], False
        while more and self._next < len(self._lines):
            line = self._take()
            if line.lstrip(BLANKS).startswith("#"):
                continue
            if not line.strip(BLANKS):
                empty = True
                continue
            text, more = self._continued(line)
            parts.append(text)
        text = "".join(parts)
        if empty:
            self.empty_continuations.append((text, self._next))
        return text or "\n"

    def _comment(self, line: str) -> None:
        if self._directives.read(line):
            self._set_escape()
            return
        comment = line[1:].strip(BLANKS)
        if comment:
            self._comments.append(comment)
        else:
            self._comments = []

    def _set_escape(self) -> None:
        escape = self._directives.values.get("escape", "\\")
        if escape not in ("\\", "`"):
            raise DockerfileError(f"invalid escape token '{escape}' does not match ` or \\")
        self.escape = escape

    def _continued(self, line: str) -> tuple[str, bool]:
        """Return the line without the escape character at its end, and whether there was one.

        One that is escaped itself does not count; blanks after it do not matter.
        """
        text = line.rstrip("\t ")
        if not text.endswith(self.escape) or text[:-1].endswith(self.escape):
            return line, False
        return text[:-1], True

    def _with_heredocs(self, statement: Statement, line: str) -> Statement:
        carrier = statement.inner or statement
        if carrier.name not in _WITH_HEREDOCS or carrier.json:
            return statement
        found = tuple(self._filled(heredoc) for heredoc in heredocs_of(line))
        return msgspec.structs.replace(statement, heredocs=found) if found else statement

    def _filled(self, heredoc: Heredoc) -> Heredoc:
        content: list[str] = []
        while self._next < len(self._lines):
            raw = self._lines[self._next]
            self._next += 1
            line = raw.rstrip("\r\n")
            if (line.lstrip("\t") if heredoc.chomp else line) == heredoc.name:
                return msgspec.structs.replace(heredoc, content=_utf8("".join(content)))
            content.append(raw)
        raise DockerfileError("unterminated heredoc")

    def _take(self) -> str:
        raw = self._lines[self._next]
        self._next += 1
        return raw.rstrip("\r\n").encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def split_lines(data: bytes) -> list[str]:
    """Return the lines with their ends; bytes that are no UTF-8 stay in them as Python's surrogates."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _utf8(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DockerfileError("a heredoc is not valid UTF-8") from None
    return text


def _command(plain: Statement, before: tuple[str, ...], rest: str) -> Statement:
    """Fill in a command, an array in JSON or a line."""
    array = words.json_words(rest)
    command = array if array is not None else (rest,) if rest else ()
    return msgspec.structs.replace(plain, arguments=(*before, *command), json=array is not None)


def _first_word(text: str) -> str:
    return next((text[:end] for end, character in enumerate(text) if character in BLANKS), text)
