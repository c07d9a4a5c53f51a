"""COPY and ADD: where each source goes, and bringing it there."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from pogu.engine.archive import ExtractOptions, FileReader, TarReader, clean, decompress, extract
from pogu.engine.build.failures import BuildFailed
from pogu.engine.build.files.copying import Attributes, Copier, Excluded, split, write_file
from pogu.engine.build.files.modes import parse_mode
from pogu.engine.build.files.selection import expand, is_directory
from pogu.engine.build.ignore import Ignore
from pogu.engine.build.owners import resolve_owner
from pogu.engine.build.steps import Copy, Inline
from pogu.errors import InvalidArgument, NotFound, PoguError
from pogu.linux.paths import make_directories, open_in_root, open_root, opened


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that is on this machine: a root with the patterns to be taken from it, or a file's content.

    `unpacks` says that archives there may be unpacked; `sets_owner` that what is there becomes root's unless the step
    names an owner; `deep` that `**` in a pattern stands for directories at any depth (`--parents`).
    """

    root: Path | None
    patterns: tuple[str, ...] = ()
    inline: Inline | None = None
    excluded: Excluded | None = None
    unpacks: bool = False
    sets_owner: bool = True
    deep: bool = False


def selected(source: Opened, root: int, line: int) -> list[str]:
    """Return the paths that a source means, sorted for each pattern.

    Raises:
        BuildFailed: nothing is there.
    """
    found: list[str] = []
    for pattern in source.patterns:
        try:
            paths = expand(root, pattern, deep=source.deep)
        except (NotFound, InvalidArgument) as e:
            raise BuildFailed(f"failed to calculate checksum of ref: {e.message}", line) from None
        found += [path for path in paths if not (source.excluded and path and source.excluded(path))]
    return found


class Placement:
    """One COPY or ADD, carried out on a mounted root. Blocks."""

    def __init__(self, step: Copy, sources: list[Opened], owners: Path) -> None:
        """`owners` is the root whose passwd and group files name the owner. Raises BuildFailed."""
        self._step = step
        self._sources = sources
        try:
            self._owner = resolve_owner(owners, step.owner) if step.owner is not None else None
            self._mode = parse_mode(step.mode) if step.mode else None
        except InvalidArgument as e:
            raise BuildFailed(e.message, step.line) from None
        self._top = ""  # what patterns of --exclude begin at: the source's own directory
        self._pivot = ""  # what --parents leaves out of a path

    def place(self, target: Path) -> None:
        """Bring all sources to where they belong.

        Raises:
            BuildFailed: there are none, or they do not go together with what is there.
        """
        try:
            with ExitStack() as stack:
                root = stack.enter_context(opened(open_root(target)))
                roots = [
                    stack.enter_context(opened(open_root(source.root))) if source.root is not None else -1
                    for source in self._sources
                ]
                chosen = [
                    (source, fd, selected(source, fd, self._step.line) if fd >= 0 else [])
                    for source, fd in zip(self._sources, roots, strict=True)
                ]
                several = sum(len(paths) or bool(source.inline) for source, _, paths in chosen) > 1
                if self._step.needs_files and not any(paths or source.inline for source, _, paths in chosen):
                    raise BuildFailed("no source files were specified", self._step.line)
                for source, fd, paths in chosen:
                    self._source(source, fd, paths, root, several)
        except (InvalidArgument, NotFound) as e:
            raise BuildFailed(e.message, self._step.line) from None
        except OSError as e:
            raise PoguError(f"failed to copy files: {e.strerror or e}") from e

    def _source(self, source: Opened, fd: int, paths: list[str], root: int, several: bool) -> None:
        attributes = Attributes(self._owner_of(source), self._mode, self._step.mtime)
        if source.inline is not None:
            name = self._file_target(root, source.inline.name, several)
            write_file(root, name, source.inline.content, attributes, time.time_ns())
            return
        excluded = self._excluded(source)
        copier = Copier(fd, root, attributes, excluded)
        for path in paths:
            directory = is_directory(fd, path)
            self._top = "" if self._step.parents else path if directory else split(f"/{path}")[0].lstrip("/")
            if not directory and excluded is not None and excluded(path):
                continue
            self._pivot = _pivot(source, fd, path) if self._step.parents else ""
            if directory:
                copier.copy(path, self._directory_target(path), itself=self._step.parents)
            elif not (source.unpacks and self._unpack(fd, path, root)):
                copier.copy(path, self._file_target(root, path, several))

    def _owner_of(self, source: Opened) -> tuple[int, int] | None:
        if self._owner is not None:
            return self._owner
        return (0, 0) if source.sets_owner else None

    def _excluded(self, source: Opened) -> Excluded | None:
        if not self._step.excludes:
            return source.excluded
        own = Ignore(self._step.excludes)
        outer = source.excluded or (lambda path: False)
        return lambda path: outer(path) or own.ignored(path.removeprefix(f"{self._top}/"))

    def _directory_target(self, path: str) -> str:
        destination = self._step.destination.rstrip("/") or "/"
        return _join(destination, path.removeprefix(self._pivot)) if self._step.parents else destination

    def _file_target(self, root: int, path: str, several: bool) -> str:
        destination = self._step.destination
        if self._step.parents:
            return _join(destination, path.removeprefix(self._pivot))
        if destination.endswith("/") or several or is_directory(root, destination):
            return _join(destination, split(f"/{path}")[1])
        return destination

    def _unpack(self, fd: int, path: str, root: int) -> bool:
        """Unpack a source into the destination if it is an archive; say whether it was one."""
        if not _is_archive(fd, path):
            return False
        options = ExtractOptions(owner=self._owner, destination=self._step.destination)
        with _opened_file(fd, path) as file:
            target = make_directories(root, self._step.destination, 0o755, self._owner or (0, 0))
            with opened(target):
                extract(decompress(FileReader(file)), target, options)
        return True


def _pivot(source: Opened, root: int, path: str) -> str:
    """Return what stands before `/./` in the pattern that a path comes of, cleaned."""
    for pattern in source.patterns:
        before, found, _ = pattern.removeprefix("./").partition("/./")
        if found and path in expand(root, pattern, deep=source.deep):
            return "/".join(path.split("/")[: len(clean(before).split("/"))])
    return ""


def _join(directory: str, name: str) -> str:
    return f"{directory.rstrip('/')}/{name.lstrip('/')}"


def _opened_file(root: int, path: str) -> FileIO:
    return FileIO(open_in_root(root, path, os.O_RDONLY | os.O_NONBLOCK))


def _is_archive(root: int, path: str) -> bool:
    """Tell whether a file is a tar archive, compressed or not, by what is in it."""
    try:
        with _opened_file(root, path) as file:
            return TarReader(decompress(FileReader(file))).next() is not None
    except (InvalidArgument, OSError):
        return False
