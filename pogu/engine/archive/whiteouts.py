"""`.wh.` entries of layers (OCI image specification, layer.md, "Whiteouts"): two ways to act on them.

A whiteout speaks of the layers below only: what its own archive brings, before it or after it, stays.
"""

from __future__ import annotations

import os
import stat

from pogu.engine.archive.directories import OPAQUE, Directories, Lower, is_whiteout
from pogu.errors import InvalidArgument
from pogu.linux.paths import attribute_path, opened
from pogu.linux.trees import remove_tree, walk

WHITEOUT = ".wh."
_OPAQUE_MARK = ".wh..wh..opq"
_META = ".wh..wh."  # other marks of aufs; they say nothing about content
_STEP = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _hidden(name: str) -> str | None:
    """Return the name a whiteout hides, None for a mark without meaning. Raises InvalidArgument."""
    if name.startswith(_META):
        return None
    hidden = name.removeprefix(WHITEOUT)
    if hidden in ("", ".", ".."):
        raise InvalidArgument(f"invalid whiteout {name!r}")
    return hidden


class OverlayMarks:
    """Whiteouts as overlayfs has them: a character device 0/0 for a name, an attribute for an opaque directory.

    A device is made only where there is something to hide: overlayfs lists it as a broken name in a directory that is
    not merged with one below.
    """

    def __init__(self, dirs: Directories, lower: Lower | None) -> None:
        self._dirs = dirs
        self._lower = lower
        self._opaque: set[str] = set()

    def note(self, path: str) -> None:
        """Be told of an entry that is no whiteout."""

    def apply(self, parent: str, name: str) -> None:
        """Act on the whiteout `name` in the directory `parent`."""
        fd = self._dirs.get(parent)
        if name == _OPAQUE_MARK:
            self._make_opaque(parent, fd)
        elif (hidden := _hidden(name)) is not None and self._hides(parent, hidden):
            self._mark(parent, fd, hidden)

    def _hides(self, parent: str, name: str) -> bool:
        path = f"{parent}/{name}" if parent else name
        if self._lower is not None and not self._lower.shows(path):
            return False
        return not any(path.startswith(f"{opaque}/") for opaque in self._opaque)

    def make_opaque(self, path: str, fd: int) -> None:
        """Hide everything that the layers below have in the directory `path`, open as `fd`."""
        os.setxattr(attribute_path(fd), OPAQUE, b"y")
        self._opaque.add(path)
        _unmark(fd)

    def _make_opaque(self, path: str, fd: int) -> None:
        if path or self._lower is None:
            self.make_opaque(path, fd)
            return
        for name in self._lower.names(""):  # overlayfs does not heed the attribute on a layer's root
            self._mark("", fd, name)

    def _mark(self, parent: str, fd: int, name: str) -> None:
        try:
            os.mknod(name, stat.S_IFCHR, 0, dir_fd=fd)
        except FileExistsError:  # this archive brings the name anew; a directory then must not show the one below
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                with opened(os.open(name, _STEP, dir_fd=fd)) as inner:
                    self.make_opaque(f"{parent}/{name}" if parent else name, inner)


def _unmark(fd: int) -> None:
    """Remove the devices made below a directory before it became opaque."""
    for found in walk(fd):
        if is_whiteout(found.status):
            os.unlink(found.name, dir_fd=found.parent)


class Removals:
    """Whiteouts acted on at once, in a tree that holds the layers below already."""

    def __init__(self, dirs: Directories) -> None:
        self._dirs = dirs
        self._made: set[str] = set()

    def note(self, path: str) -> None:
        """Be told of an entry that is no whiteout, which later ones must spare."""
        while path and path not in self._made:
            self._made.add(path)
            path = path.rpartition("/")[0]

    def apply(self, parent: str, name: str) -> None:
        """Act on the whiteout `name` in the directory `parent`."""
        fd = self._dirs.get(parent)
        if name == _OPAQUE_MARK:
            self._prune(parent, fd)
        elif (hidden := _hidden(name)) is not None:
            path = f"{parent}/{hidden}" if parent else hidden
            if path not in self._made:
                remove_tree(fd, hidden)
            elif stat.S_ISDIR(os.stat(hidden, dir_fd=fd, follow_symlinks=False).st_mode):
                self._prune(path, self._dirs.get(path))
        self._dirs.forget()

    def _prune(self, path: str, fd: int) -> None:
        """Remove what this archive did not bring from a directory, at every depth."""
        prefix = f"{path}/" if path else ""
        for found in walk(fd):
            if prefix + found.path not in self._made:
                found.enter = False
                remove_tree(found.parent, found.name)
