"""An uploaded archive, taken apart into files of ours on the disk while it streams in.

Members become numbered files in a directory of their own, so no name in the archive ever becomes a path; links are
followed in the table of names alone. Files are hashed by another thread once they are written: while the next ones are
received, or unpacked.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from pogu.engine.archive import Readable
from pogu.engine.archive.compression import decompress
from pogu.engine.archive.header import HARDLINK, REGULAR, SYMLINK, Entry
from pogu.engine.archive.reader import TarReader
from pogu.engine.images.digests import digest_of_file
from pogu.errors import InvalidArgument

_MOST_MEMBERS = 100_000
_MOST_LINKS = 40  # the kernel's own limit, path_resolution(7)


class Members:
    """The regular files of an archive by their normalised names (`blobs/sha256/…`). `close` ends the hashing."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, Path] = {}
        self._digests: dict[Path, Future[str]] = {}
        self._hashing = ThreadPoolExecutor(1, "image digest")
        self._links: dict[str, str] = {}
        self._count = 0

    def unpack(self, source: Readable) -> None:
        """Read an archive, compressed or not, to its end; blocks.

        Raises:
            InvalidArgument: it is no tar archive, damaged, or has absurdly many members.
            OSError: the disk is full.
        """
        tar = TarReader(decompress(source))
        for entry in tar:
            self._count += 1
            if self._count > _MOST_MEMBERS:
                raise InvalidArgument(f"invalid archive: it has more than {_MOST_MEMBERS} members")
            self._take(entry, tar)
        tar.drain()

    def _take(self, entry: Entry, tar: TarReader) -> None:
        name = _normal(entry.name)
        if entry.type == REGULAR:
            self._links.pop(name, None)
            self._files[name] = self._write(entry, tar)
        elif entry.type == SYMLINK:
            self._link(name, posixpath.join("/", posixpath.dirname(name), entry.link))
        elif entry.type == HARDLINK:
            self._link(name, entry.link)

    def _link(self, name: str, target: str) -> None:
        self._files.pop(name, None)
        self._links[name] = _normal(target)

    def _write(self, entry: Entry, tar: TarReader) -> Path:
        path = self._directory / str(self._count)
        with path.open("xb") as file:
            if entry.extents is None:
                for piece in tar.content():
                    file.write(piece)
            else:
                for offset, length in entry.extents:
                    file.seek(offset)
                    _copy(tar, file.write, length)
                file.truncate(entry.size)
        self._digests[path] = self._hashing.submit(digest_of_file, path)
        return path

    def digest(self, path: Path) -> Callable[[], str]:
        """Return what gives the digest of a file that `find` gave, once it is known."""
        return self._digests[path].result

    def close(self) -> None:
        """Do not hash what has not been begun; a `digest` of that raises CancelledError."""
        self._hashing.shutdown(wait=False, cancel_futures=True)

    def find(self, name: str) -> Path | None:
        """Return the file that a name within the archive means, links followed; None if there is none."""
        name = _normal(name)
        for _ in range(_MOST_LINKS):
            if name in self._files:
                return self._files[name]
            target = self._resolve(name)
            if target is None:
                return None
            name = target
        return None

    def _resolve(self, name: str) -> str | None:
        """Replace the first part of the path that is a link."""
        parts = name.split("/")
        for end in range(1, len(parts) + 1):
            target = self._links.get("/".join(parts[:end]))
            if target is not None:
                return _normal(posixpath.join("/", target, *parts[end:]))
        return None

    def read(self, name: str, limit: int) -> bytes:
        """Return the content of a small member.

        Raises:
            InvalidArgument: there is none of that name, or it is larger than `limit` bytes.
        """
        path = self.find(name)
        if path is None:
            raise InvalidArgument(f"invalid archive: does not contain a {name}")
        if path.stat().st_size > limit:
            raise InvalidArgument(f"invalid archive: {name} is larger than {limit} bytes")
        return path.read_bytes()


def _normal(name: str) -> str:
    return posixpath.normpath("/" + name).lstrip("/")


def _copy(tar: TarReader, write: object, length: int) -> None:
    while length:
        piece = tar.read(min(length, 1 << 20))
        if not piece:
            raise InvalidArgument("unexpected end of the archive")
        write(piece)  # type: ignore[operator]
        length -= len(piece)
