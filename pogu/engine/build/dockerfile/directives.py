"""Parser directives: comments like `# syntax=docker/dockerfile:1` at the very top of a Dockerfile.

See https://docs.docker.com/reference/dockerfile/#parser-directives.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from pogu.engine.build.dockerfile.blanks import BLANKS
from pogu.engine.build.dockerfile.errors import DockerfileError

_DIRECTIVE = re.compile(r"([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S(?:.*\S)?)\s*", re.ASCII)
_KNOWN = ("syntax", "escape", "check")


class DirectiveReader:
    """Takes line by line; the first one that is no directive ends them."""

    def __init__(self, mark: str = "#") -> None:
        self.values: dict[str, str] = {}
        self._mark = mark
        self._done = False

    def read(self, line: str) -> bool:
        """Say whether the line is a directive. Raises DockerfileError if it repeats one."""
        if self._done:
            return False
        match = _DIRECTIVE.fullmatch(line.removeprefix(self._mark).lstrip(BLANKS)) if self._starts(line) else None
        name = match[1].lower() if match is not None else ""
        if match is None or name not in _KNOWN:
            self._done = True
            return False
        if name in self.values:
            raise DockerfileError(f"only one {name} parser directive can be used")
        self.values[name] = match[2]
        return True

    def _starts(self, line: str) -> bool:
        return line.startswith(self._mark)


def syntax_of(lines: list[str]) -> str:
    """Return the front end's image that a file names: `# syntax=…`, also as `// syntax=…` or `{"syntax": "…"}`, and
    after a `#!` line."""
    lines = lines[1:] if lines and lines[0].startswith("#!") else lines
    return _value("syntax", "#", lines) or _value("syntax", "//", lines) or _syntax_of_json("\n".join(lines))


def check_of(lines: list[str]) -> str:
    """Return what `# check=…` says."""
    return _value("check", "#", lines[1:] if lines and lines[0].startswith("#!") else lines)


def _value(name: str, mark: str, lines: list[str]) -> str:
    reader = DirectiveReader(mark)
    for line in lines:
        try:
            if not reader.read(line.rstrip("\r")):
                break
        except DockerfileError:
            break
    return reader.values.get(name, "").partition(" ")[0]


def _syntax_of_json(text: str) -> str:
    if not text.startswith("{"):
        return ""
    try:
        value: Any = msgspec.json.decode(text, type=dict[str, Any]).get("syntax")
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return ""
    return value if isinstance(value, str) else ""
