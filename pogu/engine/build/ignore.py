"""`.dockerignore`: which files of a directory are left out. `--exclude` of COPY and ADD takes the same patterns.

The last pattern that matches a path, or a directory above it, decides; one that begins with `!` takes the path back in.
See https://docs.docker.com/build/concepts/context/#dockerignore-files.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import groupby

from pogu.engine.build.globs import Automaton, Token, expression_of, ignore_tokens, is_quick
from pogu.errors import InvalidArgument


def parse_ignore(data: bytes) -> list[str]:
    """Return the patterns of a `.dockerignore`: no comments, no empty lines, paths cleaned, no leading slashes."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    patterns: list[str] = []
    for line in text.split("\n"):
        pattern = line.strip()
        if not pattern or line.startswith("#"):
            continue
        negation = "!" if pattern.startswith("!") else ""
        pattern = pattern.removeprefix("!").strip()
        if pattern:
            cleaned = _cleaned(pattern)
            pattern = cleaned.removeprefix("/") or cleaned
        patterns.append(negation + pattern)
    return patterns


class Ignore:
    """Tells which paths below a root match. Paths are relative, with slashes between, and have no `.` or `..` in them.

    What is known of a directory is kept for the files in it, so that a tree costs little more than its files.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        """Raises InvalidArgument: a pattern is malformed."""
        patterns = [pattern for pattern in patterns if pattern.strip()]
        rules = [_rule(pattern) for pattern in patterns]
        self.everything = any(_cleaned(pattern.strip()) in ("*", "**", "**/*") for pattern in patterns)
        """Whether a pattern matches all there is, should others take some of it back in or not."""
        self._groups = [
            _Group(negated, [tokens for _, tokens in group])
            for negated, group in groupby(rules, key=lambda rule: rule[0])
        ]
        self._directories: dict[str, int] = {"": -1}

    @property
    def negates(self) -> bool:
        """Whether any pattern takes paths back in."""
        return any(group.negated for group in self._groups)

    def ignored(self, path: str) -> bool:
        """Tell whether a path matches. The root itself never does."""
        last = self._last(path, self._of_directory(path.rpartition("/")[0])) if path not in ("", ".") else -1
        return last >= 0 and not self._groups[last].negated

    def skippable(self, directory: str) -> bool:
        """Tell whether a directory matches and nothing below it can be taken back in: a walk may leave it out."""
        last = self._of_directory(directory)
        if last < 0 or self._groups[last].negated:
            return False
        return not any(group.negated and group.may_match_below(directory) for group in self._groups[last + 1 :])

    def reaches(self, directory: str) -> bool:
        """Tell whether a directory matches or something below it may: a walk that looks for matches must enter it."""
        if not directory:
            return True
        return self._of_directory(directory) >= 0 or any(g.may_match_below(directory) for g in self._groups)

    def _of_directory(self, directory: str) -> int:
        """Return the number of the last group that matches a directory or one above it; -1 if none does."""
        unknown: list[str] = []
        while (last := self._directories.get(directory)) is None:
            unknown.append(directory)
            directory = directory.rpartition("/")[0]
        for below in reversed(unknown):
            last = self._directories[below] = self._last(below, last)
        return last

    def _last(self, path: str, above: int) -> int:
        """Return the number of the last group that matches, `above` being what is known of the directory."""
        for number in range(len(self._groups) - 1, above, -1):
            if self._groups[number].matches(path):
                return number
        return above


class _Group:
    """Patterns that follow one another and are all negated, or all not."""

    def __init__(self, negated: bool, patterns: list[list[Token]]) -> None:
        self.negated = negated
        self._patterns = patterns
        quick = "|".join(expression_of(tokens) for tokens in patterns if is_quick(tokens))
        self._tests: list[Callable[[str], object]] = [re.compile(quick, re.DOTALL).fullmatch] if quick else []
        self._tests += [Automaton(tokens).matches for tokens in patterns if not is_quick(tokens)]

    def matches(self, path: str) -> bool:
        return any(test(path) for test in self._tests)

    def may_match_below(self, directory: str) -> bool:
        return any(automaton.may_continue(f"{directory}/") for automaton in self._automata)

    @cached_property
    def _automata(self) -> list[Automaton]:
        return [Automaton(tokens) for tokens in self._patterns]


def _rule(pattern: str) -> tuple[bool, list[Token]]:
    pattern = _cleaned(pattern.strip())
    negated = pattern.startswith("!")
    if pattern == "!":
        raise InvalidArgument('illegal exclusion pattern: "!"')
    return negated, ignore_tokens(pattern.removeprefix("!"))


def _cleaned(path: str) -> str:
    """Return the path as Go's `filepath.Clean` does: Python's keeps two leading slashes."""
    return re.sub("^//", "/", posixpath.normpath(path))
