"""`.dockerignore`: which files of a context are no part of it."""

from __future__ import annotations

import re
from collections.abc import Iterable


class Ignore:
    """Patterns in order; the last that matches a path, or a directory above it, decides."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._rules = [(p.startswith("!"), _compiled(p.removeprefix("!").strip().strip("/"))) for p in patterns]

    def ignored(self, path: str) -> bool:
        """Tell whether a path below the root is left out."""
        ignored = False
        for negated, pattern in self._rules:
            if ignored == negated and pattern.fullmatch(path):
                ignored = not negated
        return ignored


def parse_ignore(data: bytes) -> list[str]:
    """Return the patterns of a file, comments and empty lines left out."""
    lines = (line.strip() for line in data.decode("utf-8-sig", "replace").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _compiled(pattern: str) -> re.Pattern[str]:
    parts = []
    for part in re.split(r"(\*\*/?|\*|\?)", pattern):
        parts.append({"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part, re.escape(part)))
    return re.compile("".join(parts) + "(?:/.*)?", re.DOTALL)
