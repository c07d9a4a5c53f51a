"""Which files the sources of COPY and ADD mean."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator

from pogu.engine.archive import clean
from pogu.engine.build.globs import path_matcher
from pogu.errors import NotFound
from pogu.linux.paths import is_there, open_directory, open_in_root, opened
from pogu.linux.trees import walk

_META = re.compile(r"[*?\[\\]")


def has_wildcard(pattern: str) -> bool:
    """Tell whether a source is a pattern of Go's filepath.Match."""
    return bool(_META.search(pattern))


def expand(root: int, pattern: str, *, deep: bool = False) -> list[str]:
    """Return the paths below the root that a source means, sorted. With `deep`, `**` is directories at any depth.

    Raises:
        NotFound: a source without wildcards is not there.
        InvalidArgument: the pattern is malformed.
    """
    wanted = clean(pattern)
    if not has_wildcard(wanted):
        if not is_there(root, wanted, follow=True):
            raise NotFound(f'"/{wanted}": not found')
        return [wanted]
    found = [""]
    for part in wanted.split("/"):
        if deep and part == "**":
            found = [path for base in found for path in (base, *_directories(root, base))]
        else:
            found = [path for base in found for path in _step(root, base, part)]
    return found


def _directories(root: int, base: str) -> Iterator[str]:
    """Yield the directories below one, at any depth."""
    try:
        with opened(open_directory(root, base or "/")) as directory:
            below = sorted(found.path for found in walk(directory) if found.is_dir)
    except OSError:
        return
    yield from (f"{base}/{path}" if base else path for path in below)


def _step(root: int, base: str, part: str) -> Iterator[str]:
    if not has_wildcard(part):
        path = f"{base}/{part}" if base else part
        if is_there(root, path):
            yield path
        return
    matches = path_matcher(part)
    try:
        directory = open_directory(root, base or "/")
    except OSError:
        return
    with opened(directory):
        for name in sorted(os.listdir(directory)):  # noqa: PTH208 # a descriptor
            if matches(name):
                yield f"{base}/{name}" if base else name


def status(root: int, path: str) -> os.stat_result:
    """Return what a source is, links followed. Raises OSError."""
    with opened(open_in_root(root, path or "/", os.O_PATH)) as fd:
        return os.fstat(fd)


def is_directory(root: int, path: str) -> bool:
    """Tell whether a path is a directory or a link to one; False where nothing is."""
    try:
        return stat.S_ISDIR(status(root, path).st_mode)
    except OSError:
        return False
