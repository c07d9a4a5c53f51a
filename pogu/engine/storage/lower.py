"""What a stack of overlay layers shows at a path, without mounting it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Self

from pogu.engine.archive.directories import is_whiteout
from pogu.engine.archive.header import DIRECTORY, SYMLINK, Entry
from pogu.engine.archive.writer import describe, is_opaque, xattrs


class MergedDirectory:
    """One directory as overlayfs would show it: the directories of several layers, top first.

    The layers must not change meanwhile (read-only ones do not); no symlink in them is followed.
    """

    def __init__(self, paths: list[str]) -> None:
        self._paths = paths

    @classmethod
    def of(cls, roots: list[Path]) -> Self:
        """Return the root directory of a stack, top layer first."""
        return cls([str(r) for r in roots])

    def child(self, name: str) -> tuple[os.stat_result, str, Self | None] | None:
        """Return the status and host path of what `name` shows, and its content if it is a directory."""
        found: tuple[os.stat_result, str] | None = None
        merged: list[str] = []
        for directory in self._paths:
            path = f"{directory}/{name}"
            try:
                status = os.lstat(path)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if is_whiteout(status) or (found is not None and not stat.S_ISDIR(status.st_mode)):
                break
            found = found or (status, path)
            if not stat.S_ISDIR(status.st_mode):
                break
            merged.append(path)
            if is_opaque(path):
                break
        if found is None:
            return None
        return *found, type(self)(merged) if merged else None

    def names(self) -> list[str]:
        """Return the names it shows, in no order."""
        shown: dict[str, bool] = {}
        for directory in self._paths:
            with os.scandir(directory) as entries:
                for entry in entries:
                    if entry.name not in shown:
                        shown[entry.name] = not is_whiteout(entry.stat(follow_symlinks=False))
        return [name for name, is_there in shown.items() if is_there]

    def walk(self, path: str) -> Self | None:
        """Return the directory at `path` ("" is this one), None if there is none; symlinks are not followed."""
        here = self
        for part in filter(None, path.split("/")):
            child = here.child(part)
            if child is None or child[2] is None:
                return None
            here = child[2]
        return here


class LowerLayers:
    """The layers below one that is being unpacked (`archive.Lower`)."""

    def __init__(self, root: MergedDirectory) -> None:
        self._root = root

    def shows(self, path: str) -> bool:
        return self._child(path) is not None

    def find(self, path: str) -> Entry | None:
        child = self._child(path)
        if child is None:
            return None
        status, host_path, _ = child
        if stat.S_ISLNK(status.st_mode):
            entry = describe(path, SYMLINK, status)
            entry.link = str(Path(host_path).readlink())
        elif stat.S_ISDIR(status.st_mode):
            entry = describe(path, DIRECTORY, status)
            entry.xattrs = xattrs(host_path)
        else:
            return None
        entry.mtime_ns = status.st_mtime_ns
        return entry

    def _child(self, path: str) -> tuple[os.stat_result, str, MergedDirectory | None] | None:
        parent, _, name = path.rpartition("/")
        directory = self._root.walk(parent)
        return directory.child(name) if directory is not None else None

    def names(self, path: str) -> list[str]:
        directory = self._root.walk(path)
        return directory.names() if directory is not None else []
