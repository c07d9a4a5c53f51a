"""What paths name where parts of them are symbolic links: the links and what they lead to."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

_WILD = "*?["


def followed(root: Path, paths: Iterable[str]) -> list[str]:
    """Return patterns for all that is needed to see `paths` (which may have wildcards) below `root`, links resolved.

    Links never lead out: `/` and `..` end at the root. An empty path is everything, and so is the answer then: none.
    """
    found: dict[str, None] = {}
    waiting = [_inside(path) for path in paths]
    while waiting:
        path = waiting.pop()
        if not path:
            return []
        waiting += _walk(root, path, found)
    return list(found)


def _inside(path: str) -> str:
    return posixpath.normpath(f"/{path}").lstrip("/")


def _walk(root: Path, path: str, found: dict[str, None]) -> list[str]:
    """Go down a path to its first link. Note how far it came, and return where it goes on."""
    parts = path.split("/")
    for number in range(1, len(parts) + 1):
        at = "/".join(parts[:number])
        rest = "/".join(parts[number:])
        targets = list(_targets(root, at))
        if targets or not rest:
            if at in found:
                return []
            found[at] = None
        if targets:
            return [_inside(f"{target}/{rest}") for target in targets]
    return []


def _targets(root: Path, path: str) -> Iterator[str]:
    """Yield where the links lead that a path names; nothing for what is no link, or not there."""
    above, _, name = path.rpartition("/")
    names = [name]
    if any(letter in name for letter in _WILD):
        try:
            names = [each.name for each in (root / above).iterdir() if fnmatchcase(each.name, name)]
        except OSError:
            return
    for each in names:
        try:
            target = str((root / above / each).readlink())
        except OSError:
            continue
        yield target if target.startswith("/") else f"{above}/{target}"
