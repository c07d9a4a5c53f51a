"""What is wrong in a Dockerfile, and where."""

from __future__ import annotations

from pogu.errors import InvalidArgument


class DockerfileError(InvalidArgument):
    """A Dockerfile cannot be understood. The message is BuildKit's; the lines are told apart from it."""

    def __init__(self, message: str, line: int = 0, last_line: int = 0) -> None:
        super().__init__(message)
        self.line = line
        """First line of the instruction at fault, counted from 1; 0 where no line is meant."""
        self.last_line = max(line, last_line)

    def at(self, line: int, last_line: int) -> DockerfileError:
        """Return the same error at a place, unless it has one already."""
        return self if self.line else DockerfileError(self.message, line, last_line)


def quoted(text: str) -> str:
    """Return text in double quotes, as Go's `%q` writes it in the messages that are repeated here."""
    return '"' + "".join(_ESCAPES.get(c, c) if c.isprintable() else _escaped(c) for c in text) + '"'


_ESCAPES = {'"': '\\"', "\\": "\\\\"}
_CONTROL = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def _escaped(character: str) -> str:
    code = ord(character)
    if character in _CONTROL:
        return _CONTROL[character]
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
